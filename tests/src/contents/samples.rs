//! Keys of every type in every encoding, with a few of everything around each threshold.

use almandine_storage::Rng;

use super::{Content, Contents, Held};

/// A library of functions.
pub const LIBRARY: &str =
    "#!lua name=sample\nredis.register_function('one', function(keys, args) return 1 end)";

/// The year 3021.
const FAR: i64 = 33_177_117_420_000;

/// The same keys at every call.
pub fn samples() -> Contents {
    let mut all = Contents::new();
    let mut put = |db: usize, name: &[u8], content: Content, expire_at: Option<i64>| {
        let held = Held { content, expire_at };
        assert!(all.insert((db, name.to_vec()), held).is_none());
    };
    for (n, text) in strings().into_iter().enumerate() {
        put(
            0,
            format!("string:{n}").as_bytes(),
            Content::String(text),
            None,
        );
    }
    for name in [&b"12345"[..], b"-7", &[b'k'; 100], b"\x00\xff\r\n", b""] {
        put(0, name, Content::String(b"an odd name".to_vec()), None);
    }
    for (kind, make) in KINDS {
        for (count, element) in [
            (1, Element::Int),
            (5, Element::Mixed),
            (128, Element::Text),
            (129, Element::Text),
            (512, Element::Int),
            (513, Element::Int),
            (3, Element::Length64),
            (3, Element::Length65),
            (40, Element::Length65),
            (3, Element::Length9000),
        ] {
            let elements: Vec<_> = (0..count).map(|n| element.number(n)).collect();
            let name = format!("{kind}:{count}:{element:?}");
            put(0, name.as_bytes(), make(&elements), None);
        }
    }
    let [wide, wider] = [70_000_i64, 1 << 40].map(|n| {
        let ints = [1, -1, n, -n].map(|n| n.to_string().into_bytes());
        Content::Set(ints.into())
    });
    put(1, b"intset:32", wide, Some(FAR));
    put(1, b"intset:64", wider, None);
    put(1, b"zset:scores", scores(), Some(FAR + 1));
    put(
        9,
        b"expires",
        Content::String(b"late".to_vec()),
        Some(FAR + 2),
    );
    all
}

type Make = fn(&[Vec<u8>]) -> Content;

const KINDS: [(&str, Make); 4] = [
    ("list", |elements| Content::List(elements.to_vec())),
    ("set", |elements| {
        Content::Set(elements.iter().cloned().collect())
    }),
    ("hash", |elements| {
        let values = elements.iter().rev();
        Content::Hash(elements.iter().cloned().zip(values.cloned()).collect())
    }),
    ("zset", |elements| {
        let scores = (0..elements.len()).map(|n| (n % 50) as f64 / 4.0 - 3.0);
        Content::Zset(elements.iter().cloned().zip(scores).collect())
    }),
];

/// What a collection is made of.
#[derive(Debug, Clone, Copy)]
enum Element {
    Int,
    Text,
    Mixed,
    Length64,
    Length65,
    Length9000,
}

impl Element {
    fn number(self, n: usize) -> Vec<u8> {
        match self {
            Element::Int => (n as i64 * 37 - 400).to_string().into_bytes(),
            Element::Text => format!("element {n}").into_bytes(),
            Element::Mixed if n.is_multiple_of(2) => (n * 99_999).to_string().into_bytes(),
            Element::Mixed => format!("{n}\0\x7f").into_bytes(),
            Element::Length64 => format!("{n:a>64}").into_bytes(),
            Element::Length65 => format!("{n:b>65}").into_bytes(),
            Element::Length9000 => format!("{n:c>9000}").into_bytes(),
        }
    }
}

fn scores() -> Content {
    let scores = [
        0.0,
        -1.0,
        0.1,
        1e300,
        -1e-300,
        17_179_869_184.5,
        9_007_199_254_740_993.0,
        1e17,
        f64::INFINITY,
        f64::NEG_INFINITY,
    ];
    let members = scores
        .iter()
        .map(|score| (format!("at {score:e}").into_bytes(), *score));
    Content::Zset(members.collect())
}

fn strings() -> Vec<Vec<u8>> {
    let texts = [
        "",
        "0",
        "-1",
        "127",
        "128",
        "-129",
        "32767",
        "32768",
        "2147483647",
        "-2147483648",
        "2147483648",
        "9223372036854775807",
        "007",
        "-0",
        "1.5",
        "some text",
    ];
    let mut rng = Rng::new(77);
    let noise = [19, 21, 64, 300].map(|len| (0..len).map(|_| rng.bits() as u8).collect());
    let repeated = [20, 21, 44, 45, 300, 20_000].map(|len| vec![b'r'; len]);
    let phrases = "lzf finds phrases that are found again, phrases that are found. ".repeat(20);
    texts
        .iter()
        .map(|text| text.as_bytes().to_vec())
        .chain(noise)
        .chain(repeated)
        .chain([phrases.into_bytes()])
        .collect()
}
