//! What nodes hold of memory and descriptors as time goes by.

use std::fmt;
use std::time::Instant;

use crate::cluster::Cluster;

/// More memory and descriptors than before that a node may hold. It is not always the same process, nor does it always lead.
const MEMORY_MARGIN: u64 = 32 << 20;
const FILES_MARGIN: u64 = 32;

/// Of every node, one look after the other.
#[derive(Debug)]
pub struct Held {
    begun: Instant,
    nodes: Vec<Vec<Look>>,
}

#[derive(Debug, Clone, Copy)]
struct Look {
    seconds: f64,
    memory: u64,
    files: u64,
}

impl Default for Held {
    fn default() -> Self {
        Held {
            begun: Instant::now(),
            nodes: Vec::new(),
        }
    }
}

impl Held {
    pub(super) fn look(&mut self, cluster: &Cluster) {
        self.nodes.resize(cluster.count(), Vec::new());
        let seconds = self.begun.elapsed().as_secs_f64();
        for (number, looks) in self.nodes.iter_mut().enumerate() {
            let node = cluster.node(number);
            looks.push(Look {
                seconds,
                memory: node.resident_bytes(),
                files: node.open_files() as u64,
            });
        }
    }

    /// Who held more in the second half of the time than in the first and a margin. The first look does not count: nothing had
    /// its size yet.
    pub(super) fn growth(&self) -> Option<String> {
        for (number, looks) in self.nodes.iter().enumerate() {
            let looks = looks.get(1..).unwrap_or_default();
            let (first, second) = looks.split_at(looks.len() / 2);
            for (what, part, margin) in [
                ("bytes", memory as fn(&Look) -> u64, MEMORY_MARGIN),
                ("descriptors", files, FILES_MARGIN),
            ] {
                let most = |looks: &[Look]| looks.iter().map(part).max();
                if let (Some(before), Some(after)) = (most(first), most(second))
                    && after > before + margin
                {
                    return Some(format!(
                        "node {number} held {before} {what} at most, and later {after}"
                    ));
                }
            }
        }
        None
    }
}

fn memory(look: &Look) -> u64 {
    look.memory
}

fn files(look: &Look) -> u64 {
    look.files
}

/// By how much something grows in ten minutes, by the line that fits best.
fn slope(looks: &[Look], part: fn(&Look) -> u64) -> f64 {
    let count = looks.len() as f64;
    let mean = |of: &dyn Fn(&Look) -> f64| looks.iter().map(of).sum::<f64>() / count;
    let (time, value) = (mean(&|it| it.seconds), mean(&|it| part(it) as f64));
    let both = mean(&|it| (it.seconds - time) * (part(it) as f64 - value));
    let spread = mean(&|it| (it.seconds - time).powi(2));
    match spread > 0.0 {
        true => both / spread * 600.0,
        false => 0.0,
    }
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "memory and descriptors, of the second half at most {} MB and {FILES_MARGIN} more than of the first:",
            MEMORY_MARGIN >> 20
        )?;
        for (number, looks) in self.nodes.iter().enumerate() {
            let looks = looks.get(1..).unwrap_or_default();
            let (Some(first), Some(last)) = (looks.first(), looks.last()) else {
                continue;
            };
            let megabytes = |bytes: u64| bytes as f64 / f64::from(1 << 20);
            let most = looks.iter().map(memory).max().unwrap_or_default();
            write!(
                f,
                "\n  node {number}: {:.1} MB first, {:.1} MB at most, {:.1} MB last, {:+.1} MB in 10 minutes; descriptors {}, {}, {}",
                megabytes(first.memory),
                megabytes(most),
                megabytes(last.memory),
                slope(looks, memory) / f64::from(1 << 20),
                first.files,
                looks.iter().map(files).max().unwrap_or_default(),
                last.files,
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(memories: &[u64]) -> Held {
        let look = |(minute, megabytes): (usize, &u64)| Look {
            seconds: 60.0 * minute as f64,
            memory: megabytes << 20,
            files: 20,
        };
        Held {
            nodes: vec![memories.iter().enumerate().map(look).collect()],
            ..Held::default()
        }
    }

    #[test]
    fn what_grows_is_told_from_what_comes_and_goes() {
        assert_eq!(of(&[10, 40, 20, 30, 50, 30]).growth(), None);
        assert!(of(&[10, 20, 30, 40, 50, 70]).growth().is_some());
        let grows = of(&[0, 10, 11, 12]);
        let slope = slope(&grows.nodes[0], memory) / f64::from(1 << 20);
        assert!((30.0..50.0).contains(&slope), "{slope}");
    }
}
