//! MEMORY DOCTOR, in Redis's words.

use super::overview::Overview;

/// Below this nothing can be said, bytes.
const LITTLE: u64 = 5 << 20;
/// Waste below this is no illness, bytes.
const NEGLIGIBLE: i64 = 10 << 20;
/// Buffers of a client, on average, bytes.
const BIG_BUFFERS: u64 = 200 << 10;

const EMPTY: &str = "Hi Sam, this instance is empty or is using very little memory, my issues detector can't be used in these conditions. Please, leave for your mission on Earth and fill it with some data. The new Sam and I will be back to our programming as soon as I finished rebooting.\n";
const HEALTHY: &str = "Hi Sam, I can't find any memory issue in your instance. I can only account for what occurs on this base.\n";
const ILL: &str = "Sam, I detected a few issues in this Redis instance memory implants:\n\n";
const PEAK: &str = " * Peak memory: In the past this instance used more than 150% the memory that is currently using. The allocator is normally not able to release memory after a peak, so you can expect to see a big fragmentation ratio, however this is actually harmless and is only due to the memory peak, and if the Redis instance Resident Set Size (RSS) is currently bigger than expected, the memory will be used as soon as you fill the Redis instance with more data. If the memory peak was only occasional and you want to try to reclaim memory, please try the MEMORY PURGE command, otherwise the only other option is to shutdown and restart the instance.\n\n";
const BUFFERS: &str = " * Big client buffers: The clients output buffers in this instance are greater than 200K per client (on average). This may result from different causes, like Pub/Sub clients subscribed to channels bot not receiving data fast enough, so that data piles on the Redis instance output buffer, or clients sending commands with large replies or very large sequences of commands in the same pipeline. Please use the CLIENT LIST command in order to investigate the issue if it causes problems in your instance, or to understand better why certain clients are using a big amount of memory.\n\n";
const GOODBYE: &str = "I'm here to keep you safe, Sam. I want to help you.\n";

/// The report. Redis knows more illnesses: of allocators that tell what they hold, of replicas, of scripts.
pub(super) fn report(memory: &Overview, allocator: &str) -> String {
    if memory.used < LITTLE {
        return EMPTY.into();
    }
    let mut issues = String::new();
    if memory.peak as f64 / memory.used as f64 > 1.5 {
        issues.push_str(PEAK);
    }
    if memory.fragmentation() > 1.4 && memory.fragmentation_bytes() > NEGLIGIBLE {
        issues.push_str(&high_rss(allocator));
    }
    if memory.clients / memory.client_count.max(1) > BIG_BUFFERS {
        issues.push_str(BUFFERS);
    }
    match issues.is_empty() {
        true => HEALTHY.into(),
        false => [ILL, &issues, GOODBYE].concat(),
    }
}

fn high_rss(allocator: &str) -> String {
    format!(
        " * High total RSS: This instance has a memory fragmentation and RSS overhead greater than 1.4 (this means that the Resident Set Size of the Redis process is much larger than the sum of the logical allocations Redis performed). This problem is usually due either to a large peak memory (check if there is a peak memory entry above in the report) or may result from a workload that causes the allocator to fragment memory a lot. If the problem is a large peak memory, then there is no issue. Otherwise, make sure you are using the Jemalloc allocator and not the default libc malloc. Note: The currently used allocator is \"{allocator}\".\n\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory(used: u64, peak: u64, resident: u64) -> Overview {
        Overview {
            used: used << 20,
            peak: peak << 20,
            resident: resident << 20,
            client_count: 2,
            ..Overview::default()
        }
    }

    #[test]
    fn each_illness_has_its_paragraph() {
        assert_eq!(report(&memory(4, 100, 100), "x"), EMPTY);
        assert_eq!(report(&memory(100, 150, 140), "x"), HEALTHY);
        assert_eq!(
            report(&memory(100, 151, 140), "x"),
            [ILL, PEAK, GOODBYE].concat()
        );
        let fragmented = report(&memory(100, 100, 141), "mimalloc");
        assert_eq!(fragmented, [ILL, &high_rss("mimalloc"), GOODBYE].concat());
        assert!(fragmented.contains("allocator is \"mimalloc\"."));
        // A ratio is nothing where little is wasted.
        assert_eq!(report(&memory(10, 10, 20), "x"), HEALTHY);
        let buffered = Overview {
            clients: 400 << 10,
            ..memory(100, 100, 100)
        };
        assert_eq!(report(&buffered, "x"), HEALTHY);
        let buffered = Overview {
            clients: 402 << 10,
            ..buffered
        };
        assert_eq!(report(&buffered, "x"), [ILL, BUFFERS, GOODBYE].concat());
    }
}
