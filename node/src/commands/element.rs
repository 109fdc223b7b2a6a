//! What storage lends, as it goes over the wire.

use almandine_protocol::Reply;
use almandine_storage::StrRef;

/// A string, member, field or value as a bulk string.
#[inline]
pub fn bulk(reply: &mut Reply<'_>, element: StrRef<'_>) {
    match element {
        StrRef::Int(n) => reply.bulk_integer(n),
        StrRef::Bytes(bytes) => reply.bulk(bytes),
    }
}

/// The same, or null where there is nothing.
#[inline]
pub fn bulk_or_null(reply: &mut Reply<'_>, element: Option<StrRef<'_>>) {
    match element {
        Some(element) => bulk(reply, element),
        None => reply.null(),
    }
}
