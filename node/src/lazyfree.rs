//! A thread that drops what would take long to drop: UNLINK, FLUSHALL.

use std::any::Any;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

struct Parcel {
    value: Box<dyn Any + Send>,
    objects: u64,
    /// What is to be done when it is dropped.
    then: Box<dyn FnOnce() + Send>,
}

/// See the module. The thread begins with the first thing it is given.
#[derive(Debug, Default)]
pub struct Lazyfree {
    thread: Mutex<Option<Sender<Parcel>>>,
    counts: Arc<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    pending: AtomicU64,
    freed: AtomicU64,
}

impl Lazyfree {
    /// Drops `value`, which counts as `objects` in INFO, on the thread; here and now if there can be no thread.
    pub fn discard(&self, value: impl Any + Send, objects: u64) {
        self.discard_then(value, objects, || ());
    }

    /// The same; `then` is called after it, on the same thread.
    pub fn discard_then(
        &self,
        value: impl Any + Send,
        objects: u64,
        then: impl FnOnce() + Send + 'static,
    ) {
        self.counts.pending.fetch_add(objects, Ordering::Relaxed);
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        if thread.is_none() {
            *thread = self.begin();
        }
        let parcel = Parcel {
            value: Box::new(value),
            objects,
            then: Box::new(then),
        };
        let unsent = match &*thread {
            Some(sender) => sender.send(parcel).err().map(|error| error.0),
            None => Some(parcel),
        };
        drop(thread);
        if let Some(parcel) = unsent {
            parcel.open(&self.counts);
        }
    }

    /// Objects that wait to be dropped, and objects that were.
    pub fn counts(&self) -> (u64, u64) {
        (
            self.counts.pending.load(Ordering::Relaxed),
            self.counts.freed.load(Ordering::Relaxed),
        )
    }

    fn begin(&self) -> Option<Sender<Parcel>> {
        let (sender, parcels) = mpsc::channel::<Parcel>();
        let counts = self.counts.clone();
        let work = move || {
            for parcel in parcels {
                parcel.open(&counts);
            }
        };
        match thread::Builder::new().name("lazyfree".into()).spawn(work) {
            Ok(_) => Some(sender),
            Err(error) => {
                tracing::warn!(%error, "no thread for lazy freeing");
                None
            }
        }
    }
}

impl Parcel {
    fn open(self, counts: &Counts) {
        drop(self.value);
        counts.finish(self.objects);
        (self.then)();
    }
}

impl Counts {
    fn finish(&self, objects: u64) {
        self.pending.fetch_sub(objects, Ordering::Relaxed);
        self.freed.fetch_add(objects, Ordering::Relaxed);
    }
}
