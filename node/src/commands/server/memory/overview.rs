//! Where the memory goes: INFO memory, MEMORY STATS, MEMORY DOCTOR.

use super::super::info::{Text, human};
use crate::commands::{Call, client};
use crate::stats::process;

/// See the module. Sizes are in bytes.
#[derive(Debug, Clone, Default)]
pub(in crate::commands::server) struct Overview {
    /// Asked of the allocator.
    pub(super) used: u64,
    /// The most that ever was.
    pub(super) peak: u64,
    /// When that was, Unix time in seconds.
    pub(super) peak_time_s: i64,
    /// Before the first client came.
    pub(super) startup: u64,
    /// Of the process in real memory.
    pub(super) resident: u64,
    /// Held by connections.
    pub(super) clients: u64,
    /// How many connections.
    pub(super) client_count: u64,
    /// Numbers of the databases that have keys, and the sizes of their tables.
    pub(super) tables: Vec<(usize, u64)>,
    /// Keys in all databases.
    pub(super) keys: u64,
}

impl Overview {
    /// How it is now.
    pub(in crate::commands::server) fn take(call: &mut Call<'_>) -> Overview {
        let used = call.stats.note_memory(call.now_ms) as u64;
        let clients = call.node.clients.all();
        let held = clients
            .iter()
            .map(|client| client::memory_of(client, &client.profile()));
        let filled = call.dbs.iter().enumerate().filter(|(_, db)| !db.is_empty());
        Overview {
            used,
            peak: call.stats.peak.0 as u64,
            peak_time_s: call.stats.peak.1 / 1000,
            startup: call.stats.startup_memory as u64,
            resident: process::resident_memory().map_or(used, |bytes| bytes as u64),
            clients: held.sum(),
            client_count: clients.len() as u64,
            tables: filled
                .map(|(number, db)| (number, db.table_memory() as u64))
                .collect(),
            keys: call.dbs.iter().map(|db| db.len() as u64).sum(),
        }
    }

    /// All tables.
    fn tables(&self) -> u64 {
        self.tables.iter().map(|(_, bytes)| bytes).sum()
    }

    /// What is no data.
    fn overhead(&self) -> u64 {
        self.startup + self.clients + self.tables()
    }

    fn dataset(&self) -> u64 {
        self.used.saturating_sub(self.overhead())
    }

    /// What has come since the start.
    fn net(&self) -> u64 {
        self.used.saturating_sub(self.startup).max(1)
    }

    fn dataset_percentage(&self) -> f64 {
        self.dataset() as f64 * 100.0 / self.net() as f64
    }

    fn peak_percentage(&self) -> f64 {
        self.used as f64 * 100.0 / self.peak.max(1) as f64
    }

    /// Real memory for each byte used.
    pub(super) fn fragmentation(&self) -> f64 {
        self.resident as f64 / self.used.max(1) as f64
    }

    /// Real memory beyond what is used; negative while untouched pages are missing.
    pub(super) fn fragmentation_bytes(&self) -> i64 {
        self.resident as i64 - self.used as i64
    }

    /// INFO memory.
    pub(in crate::commands::server) fn write(&self, call: &Call<'_>, text: &mut Text) {
        text.size("used_memory", self.used);
        text.size("used_memory_rss", self.resident);
        text.size("used_memory_peak", self.peak);
        text.field("used_memory_peak_time", self.peak_time_s);
        let percentage = |value: f64| format!("{value:.2}%");
        text.field("used_memory_peak_perc", percentage(self.peak_percentage()));
        text.numbers(&[
            ("used_memory_overhead", self.overhead()),
            ("used_memory_startup", self.startup),
            ("used_memory_dataset", self.dataset()),
        ]);
        text.field(
            "used_memory_dataset_perc",
            percentage(self.dataset_percentage()),
        );
        text.numbers(&[
            ("allocator_allocated", self.used),
            ("allocator_active", self.resident),
            ("allocator_resident", self.resident),
            ("allocator_muzzy", 0),
        ]);
        text.size("total_system_memory", process::total_memory().unwrap_or(0));
        write_scripts(text);
        text.size("maxmemory", call.params.maxmemory);
        let policy = call.params.get("maxmemory-policy").unwrap_or_default();
        text.field("maxmemory_policy", String::from_utf8_lossy(&policy));
        self.write_ratios(text);
        let (pending, freed) = call.node.lazyfree.counts();
        text.numbers(&[
            ("mem_not_counted_for_evict", 0),
            ("mem_replication_backlog", 0),
            ("mem_total_replication_buffers", 0),
            ("mem_replica_full_sync_buffer", 0),
            ("mem_clients_slaves", 0),
            ("mem_clients_normal", self.clients),
            ("mem_cluster_links", 0),
            ("mem_aof_buffer", 0),
        ]);
        text.field("mem_allocator", &call.node.origin.allocator.name);
        text.numbers(&[
            ("mem_overhead_db_hashtable_rehashing", 0),
            ("active_defrag_running", 0),
            ("lazyfree_pending_objects", pending),
            ("lazyfreed_objects", freed - call.stats.zero.lazyfreed),
        ]);
    }

    /// The allocator does not tell what it holds, so the whole difference to real memory stands in the last two.
    fn write_ratios(&self, text: &mut Text) {
        for name in ["allocator_frag", "allocator_rss", "rss_overhead"] {
            text.field(&format!("{name}_ratio"), "1.00");
            text.field(&format!("{name}_bytes"), 0);
        }
        let ratio = self.fragmentation();
        text.field("mem_fragmentation_ratio", format_args!("{ratio:.2}"));
        text.field("mem_fragmentation_bytes", self.fragmentation_bytes());
    }

    /// MEMORY STATS.
    pub(super) fn reply(&self, call: &mut Call<'_>) {
        let place = call.reply.reserve();
        let mut fields = Fields { call, count: 0 };
        fields.numbers(&[
            ("peak.allocated", self.peak),
            ("total.allocated", self.used),
            ("startup.allocated", self.startup),
            ("replication.backlog", 0),
            ("replica.fullsync.buffer", 0),
            ("clients.slaves", 0),
            ("clients.normal", self.clients),
            ("cluster.links", 0),
            ("aof.buffer", 0),
            ("lua.caches", 0),
            ("functions.caches", 0),
            ("script.VMs", 0),
        ]);
        for (number, bytes) in &self.tables {
            fields.name(&format!("db.{number}"));
            let reply = &mut fields.call.reply;
            reply.map(2);
            reply.bulk(b"overhead.hashtable.main");
            reply.integer(*bytes as i64);
            // The time to live stands beside the value; there is no second table.
            reply.bulk(b"overhead.hashtable.expires");
            reply.integer(0);
        }
        fields.numbers(&[
            ("overhead.db.hashtable.lut", self.tables()),
            ("overhead.db.hashtable.rehashing", 0),
            ("overhead.total", self.overhead()),
            ("db.dict.rehashing.count", 0),
            ("keys.count", self.keys),
            (
                "keys.bytes-per-key",
                self.net().checked_div(self.keys).unwrap_or(0),
            ),
            ("dataset.bytes", self.dataset()),
        ]);
        fields.double("dataset.percentage", self.dataset_percentage());
        fields.double("peak.percentage", self.peak_percentage());
        fields.numbers(&[
            ("allocator.allocated", self.used),
            ("allocator.active", self.resident),
            ("allocator.resident", self.resident),
            ("allocator.muzzy", 0),
        ]);
        for name in ["allocator-fragmentation", "allocator-rss", "rss-overhead"] {
            fields.double(&format!("{name}.ratio"), 1.0);
            fields.number(&format!("{name}.bytes"), 0);
        }
        fields.double("fragmentation", self.fragmentation());
        fields.number("fragmentation.bytes", self.fragmentation_bytes());
        let count = fields.count;
        call.reply.fill_map(place, count);
    }
}

/// Scripts and functions hold nothing: there are none.
fn write_scripts(text: &mut Text) {
    text.field("used_memory_lua", 0);
    text.field("used_memory_vm_eval", 0);
    text.field("used_memory_lua_human", human(0));
    text.numbers(&[
        ("used_memory_scripts_eval", 0),
        ("number_of_cached_scripts", 0),
        ("number_of_functions", 0),
        ("number_of_libraries", 0),
        ("used_memory_vm_functions", 0),
    ]);
    text.size("used_memory_vm_total", 0);
    text.field("used_memory_functions", 0);
    text.size("used_memory_scripts", 0);
}

/// The fields of a map while it is written.
struct Fields<'a, 'b> {
    call: &'a mut Call<'b>,
    count: usize,
}

impl Fields<'_, '_> {
    fn name(&mut self, name: &str) {
        self.count += 1;
        self.call.reply.bulk(name.as_bytes());
    }

    fn number(&mut self, name: &str, value: i64) {
        self.name(name);
        self.call.reply.integer(value);
    }

    fn numbers(&mut self, fields: &[(&str, u64)]) {
        for (name, value) in fields {
            self.number(name, i64::try_from(*value).unwrap_or(i64::MAX));
        }
    }

    fn double(&mut self, name: &str, value: f64) {
        self.name(name);
        self.call.reply.double(value);
    }
}
