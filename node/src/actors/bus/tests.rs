use std::future::Future;

use actix::System;
use almandine_storage::Rng;
use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;
use tokio_util::codec::{Decoder, Encoder};

use super::codec::{BODY_MAX, Opener, Sealer};
use super::greeting::{GREETING, Side, greeting, keys};
use super::*;

const PATIENCE: Duration = Duration::from_secs(30);
const A: NodeId = [0xa; 20];
const B: NodeId = [0xb; 20];
const C: NodeId = [0xc; 20];
const CLUSTER: ClusterId = [1; 20];
const SECRET: &[u8] = b"the secret";

/// Passes on what it hears.
struct Ear(UnboundedSender<BusReport>);

impl Actor for Ear {
    type Context = Context<Self>;
}

impl Handler<BusReport> for Ear {
    type Result = ();

    fn handle(&mut self, report: BusReport, _: &mut Context<Self>) {
        // A test that has ended needs no more.
        let _ = self.0.send(report);
    }
}

impl Handler<ChildExited> for Ear {
    type Result = ();

    fn handle(&mut self, exited: ChildExited, _: &mut Context<Self>) {
        assert_ne!(exited.exit, Exit::Panicked);
    }
}

/// A bus, and what is heard of it.
struct Node {
    bus: Addr<BusActor>,
    reports: UnboundedReceiver<BusReport>,
    counters: Arc<BusCounters>,
    address: String,
}

fn settings(node: NodeId) -> BusSettings {
    BusSettings::new(node, CLUSTER, SECRET.to_vec())
}

impl Node {
    fn start(settings: BusSettings) -> Node {
        let socket = StdListener::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap().to_string();
        let (tell, reports) = unbounded_channel();
        let ear = Ear(tell).start();
        let counters = Arc::new(BusCounters::default());
        let bus = BusActor::new(
            settings,
            vec![socket],
            counters.clone(),
            ear.clone().recipient(),
            Lifeline::new(Child::Bus, ear.recipient()),
        );
        Node {
            bus: bus.start(),
            reports,
            counters,
            address,
        }
    }

    fn keep(&self, peer: NodeId, address: &str) {
        let address = address.to_owned();
        self.bus.do_send(Keep { peer, address });
    }

    fn post(&self, to: NodeId, kind: Kind, body: &[u8]) {
        let body = Bytes::copy_from_slice(body);
        self.bus.do_send(Post { to, kind, body });
    }

    async fn next(&mut self) -> BusReport {
        let next = timeout(PATIENCE, self.reports.recv()).await;
        next.expect("something happens").expect("the bus lives")
    }

    async fn up(&mut self, with: NodeId) {
        let next = self.next().await;
        assert!(
            matches!(next, BusReport::LinkUp { peer, .. } if peer == with),
            "{next:?}"
        );
    }

    async fn lost(&mut self, peer: NodeId) {
        assert_eq!(self.next().await, BusReport::LinkLost { peer });
    }

    async fn hears(&mut self, from: NodeId, said: Kind, text: &[u8]) {
        let next = self.next().await;
        let BusReport::Received {
            peer, kind, body, ..
        } = next
        else {
            panic!("{next:?}")
        };
        assert_eq!((peer, kind, &body[..]), (from, said, text));
    }

    async fn counts(&self, fault: Fault, at_least: u64) {
        until(|| self.counters.dropped(fault) >= at_least).await;
    }
}

async fn until(is_so: impl Fn() -> bool) {
    let waiting = async {
        while !is_so() {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, waiting).await.expect("it comes about");
}

/// Runs `play` on a thread of actors.
fn play(play: impl Future<Output = ()>) {
    System::new().block_on(play);
}

/// A node that says what a test wants.
struct Raw {
    stream: TcpStream,
    sealer: Sealer,
    opener: Opener,
}

impl Raw {
    async fn dial(to: &Node, node: NodeId) -> Raw {
        let stream = TcpStream::connect(&to.address).await.unwrap();
        Raw::greet(stream, node, Side::Dialler).await
    }

    /// Shows that it knows the secret.
    async fn greet(mut stream: TcpStream, node: NodeId, side: Side) -> Raw {
        let own = greeting(node).unwrap();
        stream.write_all(&own).await.unwrap();
        let mut theirs = [0; GREETING];
        stream.read_exact(&mut theirs).await.unwrap();
        let (send, receive) = keys(SECRET, side, &own, &theirs);
        let mut raw = Raw {
            stream,
            sealer: Sealer::new(send),
            opener: Opener::new(receive),
        };
        let first = raw.seal(Kind::Idle, b"");
        raw.say(&first).await;
        raw
    }

    fn seal(&mut self, kind: Kind, body: &[u8]) -> BytesMut {
        let frame = Frame {
            kind,
            cluster: CLUSTER,
            body: Bytes::copy_from_slice(body),
        };
        let mut bytes = BytesMut::new();
        self.sealer.encode(frame, &mut bytes).unwrap();
        bytes
    }

    async fn say(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    /// The body of the next frame that says something.
    async fn hear(&mut self) -> Bytes {
        let mut read = BytesMut::new();
        loop {
            match self.opener.decode(&mut read).unwrap() {
                Some(frame) if frame.kind != Kind::Idle => return frame.body,
                Some(_) => {}
                None => assert_ne!(self.stream.read_buf(&mut read).await.unwrap(), 0),
            }
        }
    }
}

/// Nothing more is said; the other side closes.
async fn finish(mut stream: TcpStream) {
    let mut rest = Vec::new();
    // How it ends is the other side's business.
    let _ = stream.shutdown().await;
    let _ = timeout(PATIENCE, stream.read_to_end(&mut rest))
        .await
        .expect("the bus closes what is no good");
}

#[test]
fn two_nodes_talk_over_one_link_in_order() {
    play(async {
        let (mut a, mut b) = (Node::start(settings(A)), Node::start(settings(B)));
        a.keep(B, &b.address);
        a.up(B).await;
        b.up(A).await;
        b.keep(A, &a.address);
        for number in 0..500_u32 {
            a.post(B, Kind::Member, &number.to_be_bytes());
            b.post(A, Kind::Member, &number.to_be_bytes());
        }
        for number in 0..500_u32 {
            b.hears(A, Kind::Member, &number.to_be_bytes()).await;
            a.hears(B, Kind::Member, &number.to_be_bytes()).await;
        }
        let long = vec![5; BODY_MAX];
        a.post(B, Kind::Member, &long);
        b.hears(A, Kind::Member, &long).await;
        a.post(B, Kind::Member, &[long, vec![5]].concat());
        a.counts(Fault::Length, 1).await;
        a.post(C, Kind::Member, b"nobody");
        a.counts(Fault::NoLink, 1).await;
        a.bus.do_send(Forget { peer: B });
        a.lost(B).await;
        b.lost(A).await;
        // It keeps us.
        b.up(A).await;
        a.up(B).await;
    });
}

#[test]
fn a_node_that_gets_another_name_is_known_by_it() {
    play(async {
        let (mut a, mut b) = (Node::start(settings(A)), Node::start(settings(B)));
        a.keep(B, &b.address.clone());
        a.up(B).await;
        b.up(A).await;
        a.bus.do_send(BecomeNode(C));
        a.lost(B).await;
        b.lost(A).await;
        // It keeps whom it kept.
        a.up(B).await;
        b.up(C).await;
    });
}

#[test]
fn who_is_met_is_told_and_who_is_not_there_too() {
    play(async {
        let (mut a, mut b) = (Node::start(settings(A)), Node::start(settings(B)));
        let address = b.address.clone();
        a.bus.do_send(Meet { address });
        a.up(B).await;
        let met = a.next().await;
        assert!(
            matches!(&met, BusReport::Met { peer: B, address } if *address == b.address),
            "{met:?}"
        );
        b.up(A).await;
        b.post(A, Kind::Join, b"welcome");
        a.hears(B, Kind::Join, b"welcome").await;
        for (address, fault) in [
            (a.address.clone(), Some(Fault::Itself)),
            ("127.0.0.1:1".to_owned(), None),
            ("nowhere".to_owned(), None),
        ] {
            a.bus.do_send(Meet {
                address: address.clone(),
            });
            let next = a.next().await;
            let BusReport::Unreachable { address: at, .. } = &next else {
                panic!("{next:?}")
            };
            assert_eq!(*at, address);
            if let Some(fault) = fault {
                a.counts(fault, 1).await;
            }
        }
    });
}

#[test]
fn a_stranger_at_an_address_is_left_alone() {
    play(async {
        let (mut a, mut b) = (Node::start(settings(A)), Node::start(settings(B)));
        let c = Node::start(settings(C));
        a.keep(B, &c.address);
        a.counts(Fault::Stranger, 2).await;
        a.keep(B, &b.address);
        a.up(B).await;
        b.up(A).await;
    });
}

#[test]
fn other_clusters_are_heard_only_when_they_wish_to_join() {
    play(async {
        let mut a = Node::start(settings(A));
        let mut b = Node::start(BusSettings {
            cluster: [2; 20],
            ..settings(B)
        });
        a.keep(B, &b.address);
        a.up(B).await;
        b.up(A).await;
        a.post(B, Kind::Member, b"secret of ours");
        a.post(B, Kind::Join, b"hello");
        b.hears(A, Kind::Join, b"hello").await;
        assert_eq!(b.counters.dropped(Fault::Cluster), 1);
        b.bus.do_send(JoinCluster(CLUSTER));
        b.post(A, Kind::Member, b"one of you");
        a.hears(B, Kind::Member, b"one of you").await;
        a.post(B, Kind::Member, b"yes");
        b.hears(A, Kind::Member, b"yes").await;
    });
}

#[test]
fn a_wrong_secret_opens_nothing() {
    play(async {
        let mut a = Node::start(settings(A));
        let mut b = Node::start(BusSettings {
            secret: b"another".to_vec(),
            ..settings(B)
        });
        a.keep(B, &b.address);
        a.counts(Fault::Tag, 2).await;
        b.counts(Fault::Tag, 1).await;
        a.post(B, Kind::Join, b"hello");
        a.counts(Fault::NoLink, 1).await;
        assert!(a.reports.try_recv().is_err());
        assert!(b.reports.try_recv().is_err());
    });
}

#[test]
fn noise_is_counted_and_the_node_goes_on() {
    play(async {
        let mut a = Node::start(settings(A));
        let mut b = Node::start(settings(B));
        a.keep(B, &b.address);
        a.up(B).await;
        b.up(A).await;
        let mut rng = Rng::new(9);
        let count = 300;
        for number in 0..count {
            let mut noise: Vec<u8> = (0..=rng.below(300)).map(|_| rng.bits() as u8).collect();
            if number % 2 == 0 {
                noise = [greeting(C).unwrap().to_vec(), noise].concat();
            }
            let mut stream = TcpStream::connect(&a.address).await.unwrap();
            // It may be closed before all is said.
            let _ = stream.write_all(&noise).await;
            finish(stream).await;
        }
        let faults = [
            Fault::Greeting,
            Fault::Length,
            Fault::Version,
            Fault::Truncated,
            Fault::Tag,
        ];
        let seen = || -> u64 { faults.iter().map(|it| a.counters.dropped(*it)).sum() };
        until(|| seen() == count).await;
        assert!(a.counters.dropped(Fault::Greeting) >= count / 2);
        a.post(B, Kind::Member, b"still here");
        b.hears(A, Kind::Member, b"still here").await;
        assert!(a.reports.try_recv().is_err());
    });
}

/// Somebody who knows the secret sends what is no good: its link ends, and what came before was heard.
#[test]
fn bad_frames_end_their_link_and_nothing_else() {
    type Spoil = fn(&mut Raw) -> BytesMut;
    let spoilt: [(Fault, Spoil); 5] = [
        (Fault::Length, |raw| {
            let mut bytes = raw.seal(Kind::Member, b"x");
            bytes[0] = 0x7f;
            bytes
        }),
        (Fault::Version, |raw| {
            let mut bytes = raw.seal(Kind::Member, b"x");
            bytes[4] += 1;
            bytes
        }),
        (Fault::Tag, |raw| {
            let mut bytes = raw.seal(Kind::Member, b"x");
            let last = bytes.len() - 1;
            bytes[last] ^= 1;
            bytes
        }),
        (Fault::Truncated, |raw| {
            raw.seal(Kind::Member, &[1; 500]).split_to(300)
        }),
        (Fault::Replay, |raw| {
            drop(raw.seal(Kind::Member, b"lost on the way"));
            raw.seal(Kind::Member, b"x")
        }),
    ];
    play(async {
        let mut a = Node::start(settings(A));
        for (fault, spoil) in spoilt {
            let mut raw = Raw::dial(&a, B).await;
            a.up(B).await;
            let good = raw.seal(Kind::Member, b"good");
            raw.say(&good).await;
            a.hears(B, Kind::Member, b"good").await;
            let bad = spoil(&mut raw);
            raw.say(&bad).await;
            finish(raw.stream).await;
            a.lost(B).await;
            assert_eq!(a.counters.dropped(fault), 1, "{fault:?}");
        }
    });
}

#[test]
fn frames_that_come_again_are_refused_here_and_on_other_connections() {
    play(async {
        let mut a = Node::start(settings(A));
        let mut raw = Raw::dial(&a, B).await;
        a.up(B).await;
        let frame = raw.seal(Kind::Member, b"once");
        raw.say(&frame).await;
        a.hears(B, Kind::Member, b"once").await;
        let mut other = Raw::dial(&a, C).await;
        a.up(C).await;
        other.say(&frame).await;
        a.lost(C).await;
        assert_eq!(a.counters.dropped(Fault::Tag), 1);
        raw.say(&frame).await;
        a.lost(B).await;
        assert_eq!(a.counters.dropped(Fault::Replay), 1);
    });
}

#[test]
fn who_vanishes_is_dialled_again() {
    play(async {
        let mut a = Node::start(settings(A));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        a.keep(B, &listener.local_addr().unwrap().to_string());
        for round in [&b"first"[..], b"second", b"third"] {
            let (stream, _) = listener.accept().await.unwrap();
            let mut raw = Raw::greet(stream, B, Side::Listener).await;
            a.up(B).await;
            a.post(B, Kind::Member, round);
            assert_eq!(&raw.hear().await[..], round);
            drop(raw);
            a.lost(B).await;
        }
    });
}

#[test]
fn who_falls_silent_is_dialled_again() {
    play(async {
        let mut a = Node::start(BusSettings {
            silence: Duration::from_millis(200),
            ..settings(A)
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        a.keep(B, &listener.local_addr().unwrap().to_string());
        let mut silent = Vec::new();
        for _ in 0..2 {
            let (stream, _) = listener.accept().await.unwrap();
            silent.push(Raw::greet(stream, B, Side::Listener).await);
            a.up(B).await;
            a.lost(B).await;
        }
        assert_eq!(a.counters.dropped(Fault::Silence), 2);
    });
}

#[test]
fn a_link_without_news_stays() {
    play(async {
        let times = |node| BusSettings {
            silence: Duration::from_secs(2),
            ..settings(node)
        };
        let (mut a, mut b) = (Node::start(times(A)), Node::start(times(B)));
        a.keep(B, &b.address);
        a.up(B).await;
        b.up(A).await;
        // The first shows the secret, the others are signs of life: they span more than the silence.
        until(|| a.counters.received().0 > 6 && b.counters.received().0 > 6).await;
        a.post(B, Kind::Member, b"news");
        b.hears(A, Kind::Member, b"news").await;
        assert!(a.reports.try_recv().is_err());
    });
}

#[test]
fn who_does_not_read_has_a_bounded_queue() {
    play(async {
        let mut a = Node::start(BusSettings {
            queue: 8,
            ..settings(A)
        });
        let raw = Raw::dial(&a, B).await;
        a.up(B).await;
        let body = vec![0; 1 << 20];
        for _ in 0..100 {
            a.post(B, Kind::Member, &body);
            tokio::task::yield_now().await;
        }
        a.counts(Fault::Queue, 1).await;
        drop(raw);
        a.lost(B).await;
    });
}

#[test]
fn a_crowd_that_says_nothing_is_not_let_in() {
    play(async {
        let a = Node::start(settings(A));
        let mut crowd = Vec::new();
        while a.counters.dropped(Fault::Crowd) == 0 {
            crowd.push(TcpStream::connect(&a.address).await.unwrap());
            assert!(crowd.len() < 10_000);
        }
        assert!(crowd.len() > CROWD);
        drop(crowd);
        let (mut a, mut b) = (a, Node::start(settings(B)));
        a.keep(B, &b.address);
        a.up(B).await;
        b.up(A).await;
    });
}
