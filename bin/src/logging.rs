//! The log: standard output or a file, lines or JSON, a level that changes while the node runs.

use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use almandine_node::params::{LogFormat, LogLevel, Params};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry, reload};

/// The running log.
#[derive(Clone)]
pub(crate) struct Log {
    filter: reload::Handle<EnvFilter, Registry>,
    sink: Sink,
    is_on_terminal: bool,
}

/// Where lines go.
#[derive(Clone)]
enum Sink {
    Stdout,
    File(Arc<LogFile>),
}

/// A file that can be reopened under its name, after somebody has moved it away.
struct LogFile {
    path: PathBuf,
    file: Mutex<File>,
}

impl Log {
    /// Starts the log. `RUST_LOG`, where it is set, says more precisely what `loglevel` says; CONFIG SET overrides both.
    ///
    /// # Errors
    /// The log file cannot be opened.
    pub(crate) fn start(params: &Params) -> io::Result<Self> {
        let sink = if params.logfile.is_empty() {
            Sink::Stdout
        } else {
            Sink::File(Arc::new(LogFile::open(PathBuf::from(&params.logfile))?))
        };
        let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| filter(params.loglevel));
        let (filter, handle) = reload::Layer::new(filter);
        let is_on_terminal = matches!(sink, Sink::Stdout) && io::stdout().is_terminal();
        let lines = tracing_subscriber::fmt::layer()
            .with_ansi(is_on_terminal && std::env::var_os("NO_COLOR").is_none())
            .with_target(false)
            .with_writer(sink.clone());
        let lines = match params.log_format {
            LogFormat::Text => lines.boxed(),
            LogFormat::Json => lines.json().flatten_event(true).with_target(true).boxed(),
        };
        tracing_subscriber::registry()
            .with(filter)
            .with(lines)
            .init();
        Ok(Log {
            filter: handle,
            sink,
            is_on_terminal,
        })
    }

    /// Whether a person sees it at once.
    pub(crate) fn is_on_terminal(&self) -> bool {
        self.is_on_terminal
    }

    /// From now on this is logged.
    pub(crate) fn set_level(&self, level: LogLevel) {
        if let Err(error) = self.filter.reload(filter(level)) {
            tracing::warn!(%error, "the log level cannot be changed");
        }
    }

    /// Opens the file under its name again.
    pub(crate) fn reopen(&self) {
        let Sink::File(file) = &self.sink else { return };
        match file.reopen() {
            Ok(()) => tracing::info!("the log file is open again"),
            Err(error) => {
                tracing::warn!(%error, "the log file cannot be opened again, the old one is kept")
            }
        }
    }
}

fn filter(level: LogLevel) -> EnvFilter {
    let level = match level {
        LogLevel::Debug => LevelFilter::TRACE,
        LogLevel::Verbose => LevelFilter::DEBUG,
        LogLevel::Notice => LevelFilter::INFO,
        LogLevel::Warning => LevelFilter::WARN,
        LogLevel::Nothing => LevelFilter::OFF,
    };
    EnvFilter::default().add_directive(level.into())
}

impl LogFile {
    fn open(path: PathBuf) -> io::Result<Self> {
        let file = Mutex::new(append_to(&path)?);
        Ok(LogFile { path, file })
    }

    fn reopen(&self) -> io::Result<()> {
        let file = append_to(&self.path)?;
        *self.lock() = file;
        Ok(())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, File> {
        // A writer that has panicked leaves a file that can be written to.
        self.file.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn append_to(path: &PathBuf) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

impl<'a> MakeWriter<'a> for Sink {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        match self {
            Sink::Stdout => Line::Stdout(io::stdout()),
            Sink::File(file) => Line::File(file),
        }
    }
}

/// A line being written; it comes in one call.
enum Line<'a> {
    Stdout(io::Stdout),
    File(&'a LogFile),
}

impl Write for Line<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        match self {
            Line::Stdout(stdout) => stdout.write(line),
            Line::File(file) => file.lock().write(line),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Line::Stdout(stdout) => stdout.flush(),
            Line::File(file) => file.lock().flush(),
        }
    }
}
