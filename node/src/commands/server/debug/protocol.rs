//! DEBUG PROTOCOL: the same samples as Redis's, for tests of clients.

use crate::commands::{Call, Fault, Outcome};
use almandine_protocol::Version;

#[expect(clippy::approx_constant, reason = "Redis's sample is no pi either")]
const SAMPLE: f64 = 3.141;

pub(super) fn protocol(call: &mut Call<'_>) -> Outcome {
    let (kind, reply) = (call.args.at(2).to_ascii_lowercase(), &mut call.reply);
    match kind.as_slice() {
        b"string" => reply.bulk(b"Hello World"),
        b"integer" => reply.integer(12345),
        b"double" => reply.double(SAMPLE),
        b"bignum" => reply.big_number(b"1234567999999999999999999999999999999"),
        b"null" => reply.null(),
        b"array" => {
            reply.array(3);
            (0..3).for_each(|n| reply.integer(n));
        }
        b"set" => {
            reply.set(3);
            (0..3).for_each(|n| reply.integer(n));
        }
        b"map" => {
            reply.map(3);
            for n in 0..3 {
                reply.integer(n);
                reply.boolean(n == 1);
            }
        }
        b"attrib" => {
            if reply.version() == Version::Resp3 {
                reply.attribute(1);
                reply.bulk(b"key-popularity");
                reply.array(2);
                reply.bulk(b"key:123");
                reply.integer(90);
            }
            reply.bulk(b"Some real reply following the attribute");
        }
        b"push" => {
            if reply.version() == Version::Resp2 {
                return Err(Fault::new("ERR RESP2 is not supported by this command"));
            }
            // A push answers nothing: who waits for a reply gets one.
            reply.bulk(b"Some real reply following the push reply");
            reply.push(2);
            reply.bulk(b"server-cpu-usage");
            reply.integer(42);
        }
        b"true" => reply.boolean(true),
        b"false" => reply.boolean(false),
        b"verbatim" => reply.verbatim(b"txt", b"This is a verbatim\nstring"),
        _ => {
            return Err(Fault::new(
                "ERR Wrong protocol type name. Please use one of the following: \
                 string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false",
            ));
        }
    }
    Ok(())
}
