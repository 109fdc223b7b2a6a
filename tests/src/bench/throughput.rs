//! Requests per second and CPU time per request.

use super::Failure;
use super::case::{Case, Size};
use super::field::{Field, Runner};
pub use super::load::Load;
use super::load::{Requests, Sample, apply};
use super::table::{Table, median, per_second, ratio};

/// What is measured.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Commands.
    pub cases: Vec<Case>,
    /// Requests per batch; several are measured one after the other.
    pub pipelines: Vec<usize>,
    /// Bytes of a value.
    pub value_sizes: Vec<usize>,
    /// Number of keys.
    pub keys: usize,
    /// How often each figure is taken.
    pub rounds: usize,
    /// Clients and times; the pipeline is that of `pipelines`.
    pub load: Load,
    /// Of the random keys.
    pub seed: u64,
}

/// Runs `plan`; `tell` is given progress, the result is a table.
pub fn run(field: &Field, plan: &Plan, mut tell: impl FnMut(&str)) -> Result<String, Failure> {
    let mut table = Table::new(heads(field));
    for (turn, value) in plan.value_sizes.iter().enumerate() {
        let size = Size {
            keys: plan.keys,
            value: *value,
        };
        let mut filled = "";
        for case in &plan.cases {
            if turn > 0 && !case.has_value() {
                continue;
            }
            if case.data() != filled {
                filled = case.data();
                prepare(field, *case, size)?;
            }
            let requests = case.requests(size, plan.seed);
            for pipeline in &plan.pipelines {
                let load = Load {
                    pipeline: *pipeline,
                    ..plan.load
                };
                let label = format!("{} of {value} bytes, pipeline {pipeline}", case.name());
                tell(&label);
                let rounds = rounds(field, plan.rounds, *case, size, load, &requests)?;
                table.row(row(field, *case, *value, *pipeline, &rounds));
            }
        }
    }
    Ok(table.text())
}

fn prepare(field: &Field, case: Case, size: Size) -> Result<(), Failure> {
    for runner in &field.runners {
        let mut client = runner.server.client();
        client.call(&["FLUSHALL"])?;
        case.prepare(&mut client, size)
            .map_err(|error| format!("{}: {error}", runner.name))?;
    }
    Ok(())
}

/// The samples: for each round one of each server.
fn rounds(
    field: &Field,
    count: usize,
    case: Case,
    size: Size,
    load: Load,
    requests: &Requests,
) -> Result<Vec<Vec<Sample>>, Failure> {
    let mut rounds = Vec::new();
    let servers = field.runners.len();
    for round in 0..count {
        // Every server is the first in turn: what one leaves in the caches, the next one pays for.
        let mut samples = Vec::new();
        for at in (0..servers).map(|place| (place + round) % servers) {
            let runner = &field.runners[at];
            if case == Case::Lpush {
                case.prepare(&mut runner.server.client(), size)?;
            }
            let sample = apply(load, requests, runner.server.address(), runner.server.pid());
            samples.push(sample.map_err(|error| format!("{}: {error}", runner.name))?);
        }
        samples.rotate_right(round % servers);
        rounds.push(samples);
    }
    Ok(rounds)
}

fn heads(field: &Field) -> Vec<String> {
    let mut heads: Vec<String> = ["command", "value", "pipeline"].map(str::to_owned).to_vec();
    for runner in &field.runners {
        heads.push(format!("{} req/s", runner.name));
        heads.push("us CPU/req".to_owned());
        heads.push("busy".to_owned());
    }
    for ours in field.runners.iter().filter(|runner| runner.is_ours) {
        heads.push(format!("{} / valkey", ours.name));
        heads.push("/ best peer".to_owned());
    }
    heads
}

fn row(
    field: &Field,
    case: Case,
    value: usize,
    pipeline: usize,
    rounds: &[Vec<Sample>],
) -> Vec<String> {
    let mut cells = vec![case.name().to_owned()];
    cells.push(match case.has_value() {
        true => value.to_string(),
        false => "-".to_owned(),
    });
    cells.push(pipeline.to_string());
    for at in 0..field.runners.len() {
        let of = |figure: fn(&Sample) -> f64| median(rounds.iter().map(|round| figure(&round[at])));
        cells.push(per_second(of(rate)));
        cells.push(format!("{:.3}", of(cpu_per_request)));
        cells.push(format!("{:.0} %", of(busy)));
    }
    for ours in places(field, |runner| runner.is_ours) {
        let valkey = places(field, |runner| runner.name.starts_with("valkey"));
        let newest = places(field, |runner| {
            runner.name.starts_with("valkey") || runner.name.starts_with("redis-8")
        });
        cells.push(ratio(ratio_to(ours, &valkey, rounds)));
        cells.push(ratio(ratio_to(ours, &newest, rounds)));
    }
    cells
}

/// Median over the rounds of the CPU time of server `ours` to the smallest of `others`.
fn ratio_to(ours: usize, others: &[usize], rounds: &[Vec<Sample>]) -> f64 {
    median(rounds.iter().filter_map(|round| {
        let best = others.iter().map(|at| cpu_per_request(&round[*at]));
        let best = best.min_by(f64::total_cmp)?;
        Some(cpu_per_request(&round[ours]) / best)
    }))
}

fn places(field: &Field, wanted: impl Fn(&Runner) -> bool) -> Vec<usize> {
    let runners = field.runners.iter().enumerate();
    runners
        .filter(|(_, runner)| wanted(runner))
        .map(|(at, _)| at)
        .collect()
}

fn rate(sample: &Sample) -> f64 {
    sample.requests as f64 / sample.elapsed.as_secs_f64()
}

/// Microseconds.
fn cpu_per_request(sample: &Sample) -> f64 {
    sample.server_cpu.as_secs_f64() * 1e6 / sample.requests as f64
}

/// Share of a CPU that the server used, in percent; where the load generator used more, it was the limit.
fn busy(sample: &Sample) -> f64 {
    sample.server_cpu.as_secs_f64() / sample.elapsed.as_secs_f64() * 100.0
}
