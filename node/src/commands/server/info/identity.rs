//! Who the process is and what it has used: INFO server, INFO cpu.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::text::Text;
use crate::commands::Call;
use crate::stats::process::{self, CpuTime};
use crate::{REDIS_VERSION, VERSION};

/// How the system tells that a socket is ready.
const POLLING: &str = if cfg!(target_os = "linux") {
    "epoll"
} else {
    "kqueue"
};

pub(super) fn server(call: &mut Call<'_>, text: &mut Text) {
    let (node, params) = (call.node, call.params);
    text.field("redis_version", REDIS_VERSION);
    text.field("almandine_version", VERSION);
    // Redis tells here from which sources it was built; these are not ours to tell.
    text.field("redis_git_sha1", "00000000");
    text.field("redis_git_dirty", 0);
    text.field("redis_build_id", 0);
    text.field("redis_mode", node.mode());
    text.field("os", process::system_name());
    text.field("arch_bits", usize::BITS);
    text.field("monotonic_clock", "POSIX clock_gettime");
    text.field("multiplexing_api", POLLING);
    text.field("atomicvar_api", "rust-core");
    text.field("gcc_version", "0.0.0");
    text.field("process_id", std::process::id());
    text.field("process_supervised", "no");
    text.field("run_id", &node.run_id);
    text.field("tcp_port", params.port);
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    text.field("server_time_usec", now.unwrap_or_default().as_micros());
    let uptime = node.started.elapsed().as_secs();
    text.field("uptime_in_seconds", uptime);
    text.field("uptime_in_days", uptime / (24 * 3600));
    text.field("hz", params.hz);
    text.field("configured_hz", params.hz);
    // 24 bits of seconds, as the access clock of keys counts them.
    text.field("lru_clock", (call.now_ms / 1000) & 0xff_ffff);
    text.field("executable", path(std::env::current_exe().ok()));
    text.field("config_file", path(node.origin.config_file.clone()));
    let threads = params.worker_threads();
    text.field("io_threads_active", u8::from(threads > 1));
    listeners(call, text);
}

fn path(path: Option<std::path::PathBuf>) -> String {
    path.map_or_else(String::new, |path| path.display().to_string())
}

fn listeners(call: &Call<'_>, text: &mut Text) {
    let params = call.params;
    let mut number = 0;
    if params.port != 0 {
        let binds = params.bind.iter().map(|address| format!(",bind={address}"));
        let binds: String = binds.collect();
        text.field(
            "listener0",
            format_args!("name=tcp{binds},port={}", params.port),
        );
        number += 1;
    }
    if !params.unixsocket.is_empty() {
        let socket = format_args!("name=unix,bind={}", params.unixsocket);
        text.field(&format!("listener{number}"), socket);
    }
}

pub(super) fn cpu(_: &mut Call<'_>, text: &mut Text) {
    let mut times = |suffix: &str, time: CpuTime| {
        let seconds = |time: Duration| format!("{:.6}", time.as_secs_f64());
        text.field(&format!("used_cpu_sys{suffix}"), seconds(time.system));
        text.field(&format!("used_cpu_user{suffix}"), seconds(time.user));
    };
    times("", CpuTime::of_process());
    times("_children", CpuTime::of_children());
    if let Some(time) = CpuTime::of_thread() {
        times("_main_thread", time);
    }
}
