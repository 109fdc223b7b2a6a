//! A listpack, or what takes its place when it has become too large, in one pointer.
//!
//! Blocks of the heap are aligned, so the lowest bit of the pointer is free to say which of the two it is. Small collections
//! are many, and eight bytes of a tag for each would be felt.
#![expect(unsafe_code, reason = "one pointer instead of a tag and a pointer")]

use std::fmt;
use std::marker::PhantomData;
use std::mem::{align_of, size_of};
use std::num::NonZero;
use std::ptr::{self, NonNull};

use crate::Listpack;

/// See the module.
pub(crate) struct Packed<T> {
    /// The word of a [`Listpack`], or of a `Box<T>` with [`LARGE`] set.
    word: NonNull<u8>,
    owns: PhantomData<(Listpack, T)>,
}

const LARGE: usize = 1;

/// What it is, to be read.
#[derive(Debug)]
pub(crate) enum Form<'a, T> {
    Pack(&'a Listpack),
    Large(&'a T),
}

/// What it is, to be changed.
#[derive(Debug)]
pub(crate) enum FormMut<'a, T> {
    Pack(&'a mut Listpack),
    Large(&'a mut T),
}

// SAFETY: it owns a listpack or a T.
unsafe impl<T: Send> Send for Packed<T> {}
// SAFETY: as above.
unsafe impl<T: Sync> Sync for Packed<T> {}

impl<T> Packed<T> {
    /// A listpack.
    pub(crate) fn pack(pack: Listpack) -> Self {
        const {
            assert!(size_of::<Listpack>() == size_of::<usize>());
            assert!(align_of::<T>() > LARGE);
        };
        // SAFETY: a listpack is one pointer, which is owned here from now on.
        let word = unsafe { std::mem::transmute::<Listpack, NonNull<u8>>(pack) };
        debug_assert!(
            word.addr().get() & LARGE == 0,
            "blocks of listpacks are aligned"
        );
        Packed {
            word,
            owns: PhantomData,
        }
    }

    /// What is too large for a listpack.
    pub(crate) fn large(large: T) -> Self {
        let large = NonNull::from(Box::leak(Box::new(large)));
        Packed {
            word: large.cast::<u8>().map_addr(|address| address | LARGE),
            owns: PhantomData,
        }
    }

    #[inline]
    pub(crate) fn get(&self) -> Form<'_, T> {
        match self.as_large() {
            // SAFETY: the word is that of a listpack, lent with `self`.
            None => Form::Pack(unsafe { &*(&raw const self.word).cast::<Listpack>() }),
            // SAFETY: the word is that of a box, lent with `self`.
            Some(large) => Form::Large(unsafe { large.as_ref() }),
        }
    }

    #[inline]
    pub(crate) fn get_mut(&mut self) -> FormMut<'_, T> {
        match self.as_large() {
            // SAFETY: as in `get`, and the loan is exclusive. A listpack never gets the bit of the other form.
            None => FormMut::Pack(unsafe { &mut *(&raw mut self.word).cast::<Listpack>() }),
            // SAFETY: as above.
            Some(mut large) => FormMut::Large(unsafe { large.as_mut() }),
        }
    }

    #[inline]
    fn as_large(&self) -> Option<NonNull<T>> {
        let address = self.word.addr().get();
        let large = NonZero::new(address & !LARGE).filter(|_| address & LARGE != 0)?;
        Some(self.word.map_addr(|_| large).cast())
    }
}

impl<T> Drop for Packed<T> {
    fn drop(&mut self) {
        // SAFETY: what is owned here is dropped once.
        unsafe {
            match self.as_large() {
                None => ptr::drop_in_place((&raw mut self.word).cast::<Listpack>()),
                Some(large) => drop(Box::from_raw(large.as_ptr())),
            }
        }
    }
}

impl<T: Clone> Clone for Packed<T> {
    fn clone(&self) -> Self {
        match self.get() {
            Form::Pack(pack) => Packed::pack(pack.clone()),
            Form::Large(large) => Packed::large(large.clone()),
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for Packed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;

    #[test]
    fn it_is_what_was_put_in() {
        let mut packed = Packed::<Vec<u32>>::pack(Listpack::new());
        for n in 0..500 {
            let FormMut::Pack(pack) = packed.get_mut() else {
                panic!("a listpack")
            };
            pack.push_back(format!("element {n}").as_bytes());
        }
        let copy = packed.clone();
        packed = Packed::large(vec![1, 2, 3]);
        let FormMut::Large(large) = packed.get_mut() else {
            panic!("large")
        };
        large.push(4);
        assert!(matches!(packed.clone().get(), Form::Large(large) if *large == [1, 2, 3, 4]));
        assert!(matches!(copy.get(), Form::Pack(pack) if pack.len() == 500));
    }

    #[test]
    fn what_it_owns_is_dropped_once() {
        let counted = Rc::new(());
        let packed = Packed::large(counted.clone());
        let copy = packed.clone();
        assert_eq!(Rc::strong_count(&counted), 3);
        drop((packed, copy));
        assert_eq!(Rc::strong_count(&counted), 1);
    }
}
