//! Which pages the system uses for a block that is being filled.
//!
//! The allocator asks for huge pages, which many small blocks need. A long argument would have each of them zeroed, two
//! megabytes at a stroke, while other clients wait; small ones are zeroed a few at a time, as bytes come.
#![expect(
    unsafe_code,
    reason = "the calls of the system have no safe form in std"
)]

/// Blocks from this size on contain huge pages, bytes.
const FROM: usize = 4 << 20;
const PAGE: usize = 4096;

/// While `block` is filled it consists of small pages.
pub fn fill_by_small_pages(block: &mut Vec<u8>) {
    #[cfg(target_os = "linux")]
    advise(block, libc::MADV_NOHUGEPAGE);
    #[cfg(not(target_os = "linux"))]
    let _ = block;
}

/// `block` has been filled: the system may do as it likes with it, and with what comes there after it.
pub fn permit_huge_pages(block: &mut Vec<u8>) {
    #[cfg(target_os = "linux")]
    advise(block, libc::MADV_HUGEPAGE);
    #[cfg(not(target_os = "linux"))]
    let _ = block;
}

#[cfg(target_os = "linux")]
fn advise(block: &mut Vec<u8>, advice: libc::c_int) {
    if block.capacity() < FROM {
        return;
    }
    let start = block.as_mut_ptr();
    let before = start.align_offset(PAGE);
    let length = (block.capacity() - before) / PAGE * PAGE;
    // SAFETY: whole pages within the block, which is ours; advice on page sizes changes no byte. It may be refused, and then
    // nothing changes.
    unsafe { libc::madvise(start.add(before).cast(), length, advice) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_that_is_being_filled_keeps_its_bytes() {
        let mut block = Vec::with_capacity(FROM + 12_345);
        block.extend((0..FROM).map(|at| (at % 251) as u8));
        fill_by_small_pages(&mut block);
        block.extend([1, 2, 3]);
        permit_huge_pages(&mut block);
        assert!((0..FROM).all(|at| block[at] == (at % 251) as u8));
        assert_eq!(block[FROM..], [1, 2, 3]);
    }
}
