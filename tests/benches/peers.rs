//! Figures of our node beside its peers: `cargo bench -p almandine-tests -- help`.

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use almandine_tests::bench::{
    Case, Contender, Field, Pinning, files, latency, memory, slow, throughput,
};
use almandine_tests::flags::Flags;

/// Why a bench gave up, for people.
type Failure = String;

const HELP: &str = "\
cargo bench -p almandine-tests -- [throughput|memory|latency|slow|files|copy] [--server NAME=PROGRAM ARG...]... [--server-cpu 1] [--client-cpu 0] [--seed N]
    Servers: our node (program `almandine`: built by the tool) and those of the machine, unless some are named.
    throughput (the default): requests/s and server CPU per request
        [--commands ping,set,get,incr,lpush,hset,zadd,mset] [--pipelines 1,16,64] [--sizes 16,1024] [--keys 1000000]
        [--clients 50] [--rounds 3] [--seconds 1.5] [--warm-up 0.3]
        A node of a cluster gets all slots first; what the cluster costs is seen with
        --commands set,get --pipelines 16 --server alone=almandine
        --server 'cluster=almandine --cluster-enabled yes --cluster-port 27999'
    memory: bytes per key [--keys 1000000]
    latency: percentiles at a rate, at rest, while keys expire, while the table grows
        [--situations rest,expiry,growth] [--rounds 1]
        [--rate 20000] [--clients 50] [--seconds 10] [--keys 1000000] [--others 5000000]
        Undisturbed are the requests that no other process of the machine made wait, as far as Linux tells.
    slow: KEYS, FLUSHALL, a large value [--keys 5000000] [--value-bytes 100000000]
    files: BGSAVE under load, starts from RDB and AOF; flags as latency's
    copy: a full copy to a replica [--keys 1000000] [--value-bytes 1000]
";

fn main() -> ExitCode {
    // Cargo says `--bench` to every bench.
    let args = std::env::args().skip(1).filter(|arg| arg != "--bench");
    match run(&args.collect::<Vec<_>>()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("{reason}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &[String]) -> Result<(), Failure> {
    let mut flags = Flags::parse(args, &[])?;
    let mode = flags.rest_word("throughput");
    let named = flags.all("server");
    let contenders = match named.is_empty() {
        true => Contender::known(),
        false => named
            .iter()
            .map(|text| text.parse())
            .collect::<Result<_, _>>()?,
    };
    let pinning = Pinning {
        server: cpu(flags.value("server-cpu", "1".to_owned())?)?,
        client: cpu(flags.value("client-cpu", "0".to_owned())?)?,
    };
    if cfg!(debug_assertions) {
        eprintln!("this is a debug build: use cargo bench for figures that mean something");
    }
    let tell = |what: &str| eprintln!("{what}");
    let start = || Field::start(&contenders, pinning);
    let text = match mode.as_str() {
        "throughput" => {
            let plan = throughput_plan(&mut flags)?;
            flags.finish()?;
            start().and_then(|field| throughput::run(&field, &plan, tell))
        }
        "memory" => {
            let keys = flags.value("keys", 1_000_000)?;
            flags.finish()?;
            memory::run(&contenders, pinning, keys, tell)
        }
        "latency" => {
            let plan = latency_plan(&mut flags)?;
            let all = latency::Situation::ALL.map(latency::Situation::name);
            let situations: Vec<latency::Situation> = flags.list("situations", &all.join(","))?;
            flags.finish()?;
            start().and_then(|field| latency::run(&field, &plan, &situations, tell))
        }
        "slow" => {
            let keys = flags.value("keys", 5_000_000)?;
            let value_bytes = flags.value("value-bytes", 100_000_000)?;
            flags.finish()?;
            start().and_then(|field| slow::run(&field, keys, value_bytes, tell))
        }
        "files" => {
            let plan = latency_plan(&mut flags)?;
            flags.finish()?;
            files::run(&contenders, pinning, &plan, tell)
        }
        "copy" => {
            let keys = flags.value("keys", 1_000_000)?;
            let value_bytes = flags.value("value-bytes", 1_000)?;
            flags.finish()?;
            files::copy(&contenders, pinning, keys, value_bytes, tell)
        }
        "help" => Ok(HELP.to_owned()),
        other => return Err(format!("{other}?\n{HELP}")),
    };
    let text = text.map_err(|error| error.to_string())?;
    std::io::stdout()
        .write_all(text.as_bytes())
        .map_err(|error| error.to_string())
}

fn throughput_plan(flags: &mut Flags) -> Result<throughput::Plan, Failure> {
    let all = Case::ALL.map(Case::name).join(",");
    Ok(throughput::Plan {
        cases: flags.list("commands", &all)?,
        pipelines: flags.list("pipelines", "1,16,64")?,
        value_sizes: flags.list("sizes", "16,1024")?,
        keys: flags.value("keys", 1_000_000)?,
        rounds: flags.value("rounds", 3)?,
        load: throughput::Load {
            clients: flags.value("clients", 50)?,
            pipeline: 1,
            warm_up: Duration::from_secs_f64(flags.value("warm-up", 0.3)?),
            measured: Duration::from_secs_f64(flags.value("seconds", 1.5)?),
        },
        seed: flags.value("seed", 1)?,
    })
}

fn latency_plan(flags: &mut Flags) -> Result<latency::Plan, Failure> {
    Ok(latency::Plan {
        clients: flags.value("clients", 50)?,
        rate: flags.value("rate", 20_000)?,
        time: Duration::from_secs_f64(flags.value("seconds", 10.0)?),
        keys: flags.value("keys", 1_000_000)?,
        others: flags.value("others", 5_000_000)?,
        rounds: flags.value("rounds", 1)?,
        seed: flags.value("seed", 1)?,
    })
}

fn cpu(text: String) -> Result<Option<usize>, Failure> {
    match text.as_str() {
        "none" => Ok(None),
        number => match number.parse() {
            Ok(number) => Ok(Some(number)),
            Err(_) => Err(format!("{text}: a CPU's number or none")),
        },
    }
}
