//! LCS: the longest common subsequence of two strings, by dynamic programming over a table of `(a+1) * (b+1)` lengths.

use almandine_storage::StrRef;

use crate::commands::{Call, Fault, Outcome};

/// A run of equal bytes: where it stands in both strings, and how long it is.
struct Run {
    a: usize,
    b: usize,
    length: usize,
}

pub(super) fn lcs(call: &mut Call<'_>) -> Outcome {
    let (args, db) = (call.args, &mut call.dbs[call.db]);
    let not_a_string = Fault::new("ERR The specified keys must contain string values");
    let mut read = |i| match db.string(args.at(i)) {
        Ok(value) => Ok(value.map(StrRef::to_vec).unwrap_or_default()),
        Err(_) => Err(not_a_string.clone()),
    };
    let (a, b) = (read(1)?, read(2)?);
    let (mut want_length, mut want_runs, mut with_lengths, mut min_length) =
        (false, false, false, 0);
    let mut i = 3;
    while i < args.len() {
        if args.is(i, "idx") {
            want_runs = true;
        } else if args.is(i, "len") {
            want_length = true;
        } else if args.is(i, "withmatchlen") {
            with_lengths = true;
        } else if args.is(i, "minmatchlen") && i + 1 < args.len() {
            min_length = usize::try_from(args.integer(i + 1)?.max(0)).unwrap_or(usize::MAX);
            i += 1;
        } else {
            return Err(Fault::SYNTAX);
        }
        i += 1;
    }
    if want_length && want_runs {
        return Err(Fault::new(
            "ERR If you want both the length and indexes, please just use IDX.",
        ));
    }
    let table = Table::fill(&a, &b, call.params.limits().bulk)?;
    let length = table.at(a.len(), b.len()) as usize;
    if want_runs {
        reply_runs(call, &table.runs(&a, &b), length, min_length, with_lengths);
    } else if want_length {
        call.reply.length(length);
    } else {
        call.reply.bulk(&table.common(&a, &b));
    }
    Ok(())
}

fn reply_runs(
    call: &mut Call<'_>,
    runs: &[Run],
    length: usize,
    min_length: usize,
    with_lengths: bool,
) {
    let kept = || runs.iter().filter(|run| run.length >= min_length.max(1));
    let reply = &mut call.reply;
    reply.map(2);
    reply.bulk(b"matches");
    reply.array(kept().count());
    for run in kept() {
        reply.array(if with_lengths { 3 } else { 2 });
        for start in [run.a, run.b] {
            reply.array(2);
            reply.length(start);
            reply.length(start + run.length - 1);
        }
        if with_lengths {
            reply.length(run.length);
        }
    }
    reply.bulk(b"len");
    reply.length(length);
}

/// `at(i, j)` = length of the longest common subsequence of the first `i` and the first `j` bytes.
struct Table {
    lengths: Vec<u32>,
    width: usize,
}

impl Table {
    fn fill(a: &[u8], b: &[u8], limit: u64) -> Result<Self, Fault> {
        if a.len() >= u32::MAX as usize - 1 || b.len() >= u32::MAX as usize - 1 {
            return Err(Fault::new("ERR String too long for LCS"));
        }
        let width = b.len() + 1;
        let cells = (a.len() as u64 + 1).saturating_mul(width as u64);
        if cells.saturating_mul(4) > limit {
            return Err(Fault::new(
                "ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len",
            ));
        }
        let mut lengths = vec![0_u32; cells as usize];
        for i in 1..=a.len() {
            for j in 1..width {
                let at = i * width + j;
                lengths[at] = if a[i - 1] == b[j - 1] {
                    lengths[at - width - 1] + 1
                } else {
                    lengths[at - width].max(lengths[at - 1])
                };
            }
        }
        Ok(Table { lengths, width })
    }

    fn at(&self, i: usize, j: usize) -> u32 {
        self.lengths[i * self.width + j]
    }

    /// Equal runs from the end to the beginning.
    fn runs(&self, a: &[u8], b: &[u8]) -> Vec<Run> {
        let (mut runs, mut i, mut j) = (Vec::<Run>::new(), a.len(), b.len());
        while i > 0 && j > 0 {
            if a[i - 1] == b[j - 1] {
                (i, j) = (i - 1, j - 1);
                match runs.last_mut() {
                    Some(run) if run.a == i + 1 && run.b == j + 1 => {
                        *run = Run {
                            a: i,
                            b: j,
                            length: run.length + 1,
                        };
                    }
                    _ => runs.push(Run {
                        a: i,
                        b: j,
                        length: 1,
                    }),
                }
            } else if self.at(i - 1, j) > self.at(i, j - 1) {
                i -= 1;
            } else {
                j -= 1;
            }
        }
        runs
    }

    fn common(&self, a: &[u8], b: &[u8]) -> Vec<u8> {
        self.runs(a, b)
            .iter()
            .rev()
            .flat_map(|run| &a[run.a..run.a + run.length])
            .copied()
            .collect()
    }
}
