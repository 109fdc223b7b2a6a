//! The bytes of a snapshot: an RDB file, or requests.

use almandine_storage::aof::MakingRequests;
use almandine_storage::rdb::Assembly;

/// See the module.
#[derive(Debug)]
pub(super) enum Output {
    Rdb(Assembly),
    Requests {
        out: Vec<u8>,
        selected: Option<usize>,
    },
}

impl Output {
    /// Bytes that a form has written for keys of database `db`. What ends within a key must be followed by its rest.
    pub(super) fn entries(&mut self, db: usize, bytes: &[u8]) {
        match self {
            Output::Rdb(file) => file.entries(db, bytes),
            Output::Requests { out, selected } => {
                if *selected != Some(db) {
                    MakingRequests::select(db, out);
                    *selected = Some(db);
                }
                out.extend_from_slice(bytes);
            }
        }
    }

    /// Bytes that have come since [`Output::take`].
    pub(super) fn len(&self) -> usize {
        match self {
            Output::Rdb(file) => file.len(),
            Output::Requests { out, .. } => out.len(),
        }
    }

    /// What has come since the last call.
    pub(super) fn take(&mut self) -> Vec<u8> {
        match self {
            Output::Rdb(file) => file.take(),
            Output::Requests { out, .. } => std::mem::take(out),
        }
    }

    /// The rest, when everything is in it.
    pub(super) fn finish(self) -> Vec<u8> {
        match self {
            Output::Rdb(file) => file.finish(),
            Output::Requests { out, .. } => out,
        }
    }
}
