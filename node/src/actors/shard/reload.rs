//! DEBUG LOADAOF: the append-only file is read again, while the keyspace stands still.

use std::thread;
use std::time::{Duration, Instant};

use actix::{Context, Handler};
use tracing::{error, info};

use super::ShardActor;
use super::messages::ReloadLog;
use crate::moment::Moment;

/// How long the writer may take for what others have written since it was asked.
const PATIENCE: Duration = Duration::from_secs(5);
/// Between two looks at how far it is.
const LOOK: Duration = Duration::from_millis(1);

const FAILED: &[u8] = b"-ERR Error trying to load the AOF files, check server logs.\r\n";

impl ShardActor {
    /// Waits on the shard's own thread, so that nobody appends more.
    fn wait_for_writer(&self) -> bool {
        self.node.call_writer();
        let began = Instant::now();
        while self.node.journal.watermarks().0 < self.node.journal.offset() {
            if began.elapsed() > PATIENCE {
                return false;
            }
            thread::sleep(LOOK);
        }
        self.node.journal.has_log()
    }
}

impl Handler<ReloadLog> for ShardActor {
    type Result = ();

    fn handle(&mut self, ReloadLog { client }: ReloadLog, _: &mut Context<Self>) {
        let is_written = self.wait_for_writer();
        self.shard.with(|shard| {
            let loaded = match is_written {
                true => shard.reload_log().map_err(|error| error.to_string()),
                false => Err("it does not hold everything".to_owned()),
            };
            let answer: &[u8] = match &loaded {
                Ok(()) => {
                    info!("Append Only File loaded by DEBUG LOADAOF");
                    b"+OK\r\n"
                }
                Err(reason) => {
                    error!(reason, "DEBUG LOADAOF cannot load the append-only file");
                    FAILED
                }
            };
            shard.begin(Moment::now());
            shard.release(client, answer.to_vec());
        });
    }
}
