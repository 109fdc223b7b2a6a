//! What a client is answered when nobody can say whether its write will survive.

use almandine_protocol::decode;

use super::outbox::Chunk;

/// The answer to every request of a batch that is not confirmed.
const UNCERTAIN: &[u8] =
    b"-UNCERTAIN The replicas in sync have not confirmed this: what was written may be kept or lost.\r\n";

/// The same number of replies, each of them uncertain. What is no reply, but a message in between, stays.
pub(super) fn instead_of(chunks: Vec<Chunk>) -> Vec<Chunk> {
    let mut bytes = Vec::new();
    chunks
        .iter()
        .for_each(|chunk| bytes.extend_from_slice(chunk));
    let (mut answers, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        // The node itself has written it: it can be read.
        let decoded = decode(&bytes[at..]).ok().flatten();
        let end = decoded.map_or(bytes.len(), |(_, length)| at + length);
        match bytes[at] {
            b'>' => answers.extend_from_slice(&bytes[at..end]),
            _ => answers.extend_from_slice(UNCERTAIN),
        }
        at = end;
    }
    vec![Chunk::Own(answers)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn answers(replies: &[&str]) -> String {
        let chunks = replies
            .iter()
            .map(|text| Chunk::Own(text.as_bytes().to_vec()));
        let answers = instead_of(chunks.collect());
        let text = answers
            .iter()
            .flat_map(|chunk| chunk.iter().copied())
            .collect();
        let text = String::from_utf8(text).expect("text");
        let one = String::from_utf8(UNCERTAIN.to_vec()).expect("text");
        text.replace(&one, "?")
    }

    #[test]
    fn there_are_as_many_answers_as_there_were() {
        assert_eq!(answers(&["+OK\r\n:1\r\n-ERR no\r\n"]), "???");
        assert_eq!(
            answers(&["$4\r\na\r\nb\r\n$-1\r\n*-1\r\n*0\r\n_\r\n"]),
            "?????"
        );
        assert_eq!(answers(&["*2\r\n*1\r\n:1\r\n$1\r\nx\r\n#t\r\n"]), "??");
        assert_eq!(answers(&["%1\r\n+a\r\n~1\r\n,1.5\r\n(12\r\n"]), "??");
        assert_eq!(
            answers(&["|1\r\n+a\r\n+b\r\n:1\r\n=7\r\ntxt:abc\r\n"]),
            "??"
        );
    }

    #[test]
    fn a_long_value_is_one_answer_though_it_comes_in_pieces() {
        assert_eq!(answers(&["+OK\r\n$5\r\n", "+a\r\nb", "\r\n:1\r\n"]), "???");
    }

    #[test]
    fn messages_in_between_stay() {
        let message = ">2\r\n+invalidate\r\n*1\r\n$1\r\nk\r\n";
        let replies = format!("+OK\r\n{message}:1\r\n");
        assert_eq!(answers(&[&replies]), format!("?{message}?"));
    }
}
