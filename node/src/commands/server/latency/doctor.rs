//! LATENCY DOCTOR, in Redis's words.

use std::fmt::Write;

use crate::params::Params;
use crate::stats::latency::{
    COMMAND, EVICTION_CYCLE, EVICTION_DEL, EXPIRE_CYCLE, FAST_COMMAND, LatencyMonitor,
};

const DISABLED: &str = "I'm sorry, Dave, I can't do that. Latency monitoring is disabled in this Redis instance. You may use \"CONFIG SET latency-monitor-threshold <milliseconds>.\" in order to enable it. If we weren't in a deep space mission I'd suggest to take a look at https://redis.io/docs/latest/operate/oss_and_stack/management/optimization/latency-monitor.\n";
const HEALTHY: &str = "Dave, no latency spike was observed during the lifetime of this Redis instance, not in the slightest bit. I honestly think you ought to sit down calmly, take a stress pill, and think things over.\n";
const SPIKES: &str = "Dave, I have observed latency spikes in this Redis instance. You don't mind talking about it, do you Dave?\n\n";
const ADVICE: &str = "\nI have a few advices for you:\n\n";

/// What may be advised, in the order of the report. Redis knows more: of forks and disks, which this process does not use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Advice {
    EnableSlowlog,
    TuneSlowlog,
    InspectSlowlog,
    Scheduler,
    RaiseHz,
    LargeObjects,
    MassEviction,
}

/// The report.
pub(super) fn report(monitor: &LatencyMonitor, params: &Params, now_s: i64) -> String {
    if monitor.events().len() == 0 {
        let is_disabled = monitor.threshold_ms == 0;
        return if is_disabled { DISABLED } else { HEALTHY }.into();
    }
    let (mut text, mut advices) = (SPIKES.to_owned(), Vec::new());
    for (number, (event, series)) in monitor.events().enumerate() {
        let (summary, count) = (series.summary(now_s), series.samples().len());
        let period = summary.period_s as f64 / count.max(1) as f64;
        writeln!(
            text,
            "{}. {event}: {count} latency spikes (average {}ms, mean deviation {}ms, period {period:.2} sec). Worst all time event {}ms.",
            number + 1,
            summary.mean_ms,
            summary.deviation_ms,
            series.worst_ms
        )
        .expect("a string grows");
        advices.extend(advices_for(event, monitor, params));
    }
    advices.sort();
    advices.dedup();
    text.push_str(ADVICE);
    for advice in advices {
        text.push_str(&advice.text(monitor.threshold_ms));
    }
    text
}

fn advices_for(event: &str, monitor: &LatencyMonitor, params: &Params) -> Vec<Advice> {
    match event {
        COMMAND => {
            let slower_than_ms = params.slowlog_log_slower_than / 1000;
            let mut advices = vec![Advice::InspectSlowlog, Advice::LargeObjects];
            if params.slowlog_log_slower_than < 0 {
                advices.push(Advice::EnableSlowlog);
            } else if slower_than_ms as u64 > monitor.threshold_ms {
                advices.push(Advice::TuneSlowlog);
            }
            advices
        }
        FAST_COMMAND => vec![Advice::Scheduler],
        EXPIRE_CYCLE if params.hz < 100 => vec![Advice::RaiseHz, Advice::LargeObjects],
        EXPIRE_CYCLE | EVICTION_DEL => vec![Advice::LargeObjects],
        EVICTION_CYCLE => vec![Advice::MassEviction],
        _ => Vec::new(),
    }
}

impl Advice {
    fn text(self, threshold_ms: u64) -> String {
        let micros = threshold_ms * 1000;
        match self {
            Advice::EnableSlowlog => format!("- There are latency issues with potentially slow commands you are using. Try to enable the Slow Log Redis feature using the command 'CONFIG SET slowlog-log-slower-than {micros}'. If the Slow log is disabled Redis is not able to log slow commands execution for you.\n"),
            Advice::TuneSlowlog => format!("- Your current Slow Log configuration only logs events that are slower than your configured latency monitor threshold. Please use 'CONFIG SET slowlog-log-slower-than {micros}'.\n"),
            Advice::InspectSlowlog => "- Check your Slow Log to understand what are the commands you are running which are too slow to execute. Please check https://redis.io/commands/slowlog for more information.\n".into(),
            Advice::Scheduler => SCHEDULER.into(),
            Advice::RaiseHz => "- In order to make the Redis keys expiring process more incremental, try to set the 'hz' configuration parameter to 100 using 'CONFIG SET hz 100'.\n".into(),
            Advice::LargeObjects => "- Deleting, expiring or evicting (because of maxmemory policy) large objects is a blocking operation. If you have very large objects that are often deleted, expired, or evicted, try to fragment those objects into multiple smaller objects.\n".into(),
            Advice::MassEviction => "- Sudden changes to the 'maxmemory' setting via 'CONFIG SET', or allocation of large objects via sets or sorted sets intersections, STORE option of SORT, Redis Cluster large keys migrations (RESTORE command), may create sudden memory pressure forcing the server to block trying to evict keys. \n".into(),
        }
    }
}

const SCHEDULER: &str = "- The system is slow to execute Redis code paths not containing system calls. This usually means the system does not provide Redis CPU time to run for long periods. You should try to:\n  1) Lower the system load.\n  2) Use a computer / VM just for Redis if you are running other software in the same system.\n  3) Check if you have a \"noisy neighbour\" problem.\n  4) Check with 'redis-cli --intrinsic-latency 100' what is the intrinsic latency in your system.\n  5) Check if the problem is allocator-related by recompiling Redis with MALLOC=libc, if you are using Jemalloc. However this may create fragmentation problems.\n";

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn monitor(threshold_ms: u64, events: &[(&'static str, u64)]) -> LatencyMonitor {
        let mut monitor = LatencyMonitor::new(threshold_ms);
        for (event, took_ms) in events {
            monitor.watch(event, Duration::from_millis(*took_ms), 100_000);
        }
        monitor
    }

    #[test]
    fn without_events_the_doctor_asks_to_look_or_is_content() {
        let params = Params::default();
        assert_eq!(report(&monitor(0, &[]), &params, 100), DISABLED);
        assert_eq!(report(&monitor(1, &[]), &params, 100), HEALTHY);
    }

    #[test]
    fn every_event_is_told_and_every_advice_given_once() {
        let events = [(COMMAND, 30), (EVICTION_DEL, 20), (FAST_COMMAND, 10)];
        let text = report(&monitor(5, &events), &Params::default(), 104);
        let command = "1. command: 1 latency spikes (average 30ms, mean deviation 0ms, period 4.00 sec). Worst all time event 30ms.\n";
        assert!(text.starts_with(&[SPIKES, command].concat()), "{text}");
        assert_eq!(text.matches("- Deleting, expiring").count(), 1);
        assert!(text.ends_with(&[SCHEDULER, &Advice::LargeObjects.text(5)].concat()));
        assert!(text.contains("'CONFIG SET slowlog-log-slower-than 5000'"));
    }

    #[test]
    fn the_advice_about_the_slow_log_depends_on_its_threshold() {
        let advice = |slower_than| {
            let params = Params {
                slowlog_log_slower_than: slower_than,
                ..Params::default()
            };
            advices_for(COMMAND, &monitor(10, &[]), &params)
        };
        assert!(advice(-1).contains(&Advice::EnableSlowlog));
        assert!(advice(11_000).contains(&Advice::TuneSlowlog));
        assert_eq!(advice(10_999).len(), 2);
    }
}
