//! Where a collection leaves its packed form. Redis's parameters, with Redis's defaults.

/// Limits of the packed encodings. They apply to the write that crosses them; nothing is converted when they change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Thresholds {
    /// `list-max-listpack-size`: entries per node if positive, -1..-5 = 4, 8, 16, 32, 64 KiB.
    pub list_max_listpack_size: i32,
    /// `hash-max-listpack-entries`: fields.
    pub hash_max_listpack_entries: usize,
    /// `hash-max-listpack-value`: bytes of a field or value.
    pub hash_max_listpack_value: usize,
    /// `set-max-intset-entries`: members.
    pub set_max_intset_entries: usize,
    /// `set-max-listpack-entries`: members.
    pub set_max_listpack_entries: usize,
    /// `set-max-listpack-value`: bytes of a member.
    pub set_max_listpack_value: usize,
    /// `zset-max-listpack-entries`: members.
    pub zset_max_listpack_entries: usize,
    /// `zset-max-listpack-value`: bytes of a member.
    pub zset_max_listpack_value: usize,
}

impl Default for Thresholds {
    fn default() -> Self {
        Thresholds {
            list_max_listpack_size: -2,
            hash_max_listpack_entries: 512,
            hash_max_listpack_value: 64,
            set_max_intset_entries: 512,
            set_max_listpack_entries: 128,
            set_max_listpack_value: 64,
            zset_max_listpack_entries: 128,
            zset_max_listpack_value: 64,
        }
    }
}
