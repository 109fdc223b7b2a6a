//! The numbers by which RDB files tell what follows.

/// Everything below is a type of values, these are the rest.
pub(super) mod opcode {
    /// State of an import of slots (Valkey 9.0).
    pub(in crate::rdb) const SLOT_IMPORT: u8 = 243;
    /// Sizes of the slot whose keys follow.
    pub(in crate::rdb) const SLOT_INFO: u8 = 244;
    /// A library of functions.
    pub(in crate::rdb) const FUNCTION: u8 = 245;
    /// The same in release candidates of Redis 7.0.
    pub(in crate::rdb) const OLD_FUNCTION: u8 = 246;
    /// Data of a module beside the keys.
    pub(in crate::rdb) const MODULE: u8 = 247;
    /// Seconds since the last access to the key that follows.
    pub(in crate::rdb) const IDLE: u8 = 248;
    /// The counter of accesses to the key that follows.
    pub(in crate::rdb) const FREQUENCY: u8 = 249;
    /// A name and a value that say something of the file.
    pub(in crate::rdb) const AUX: u8 = 250;
    /// How many keys will follow.
    pub(in crate::rdb) const SIZES: u8 = 251;
    /// When the key that follows expires, milliseconds.
    pub(in crate::rdb) const EXPIRE_MS: u8 = 252;
    /// When the key that follows expires, seconds.
    pub(in crate::rdb) const EXPIRE_S: u8 = 253;
    /// The database of the keys that follow.
    pub(in crate::rdb) const SELECT: u8 = 254;
    /// The end.
    pub(in crate::rdb) const END: u8 = 255;
}

/// The type of a value and how it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Type {
    String = 0,
    List = 1,
    Set = 2,
    ZsetText = 3,
    Hash = 4,
    Zset = 5,
    OldModule = 6,
    Module = 7,
    HashZipmap = 9,
    ListZiplist = 10,
    SetIntset = 11,
    ZsetZiplist = 12,
    HashZiplist = 13,
    ListZiplists = 14,
    Stream1 = 15,
    HashListpack = 16,
    ZsetListpack = 17,
    ListListpacks = 18,
    Stream2 = 19,
    SetListpack = 20,
    Stream3 = 21,
    /// A hash with field expiry: of Redis 7.4 release candidates, or of Valkey 9.0.
    HashExpiring1 = 22,
    /// The same, packed; of Redis 7.4 release candidates.
    HashExpiring2 = 23,
    /// A hash with field expiry: of Redis 7.4.
    HashExpiring3 = 24,
    /// The same, packed.
    HashExpiring4 = 25,
}

impl Type {
    const ALL: [Type; 25] = [
        Type::String,
        Type::List,
        Type::Set,
        Type::ZsetText,
        Type::Hash,
        Type::Zset,
        Type::OldModule,
        Type::Module,
        Type::HashZipmap,
        Type::ListZiplist,
        Type::SetIntset,
        Type::ZsetZiplist,
        Type::HashZiplist,
        Type::ListZiplists,
        Type::Stream1,
        Type::HashListpack,
        Type::ZsetListpack,
        Type::ListListpacks,
        Type::Stream2,
        Type::SetListpack,
        Type::Stream3,
        Type::HashExpiring1,
        Type::HashExpiring2,
        Type::HashExpiring3,
        Type::HashExpiring4,
    ];

    /// The type of this number.
    pub(super) fn of(number: u8) -> Option<Type> {
        Type::ALL.into_iter().find(|kind| *kind as u8 == number)
    }
}

/// The kinds of nodes in [`Type::ListListpacks`].
pub(super) mod node {
    /// One element as it is.
    pub(in crate::rdb) const PLAIN: u64 = 1;
    /// A listpack.
    pub(in crate::rdb) const PACKED: u64 = 2;
}
