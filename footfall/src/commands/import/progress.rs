//! How far an import is: a bar on a terminal, else a line at each tenth. On standard error, so that
//! the summary stays alone on standard output.

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::summary::grouped;

/// The bar.
pub(crate) struct Progress {
    bar: ProgressBar,
    is_terminal: bool,
    tenth: u64,
    /// Events that went through the store so far.
    stored: Arc<AtomicU64>,
}

impl Progress {
    /// A bar over so many bytes.
    pub(crate) fn new(bytes: u64, stored: Arc<AtomicU64>) -> Progress {
        let is_terminal = std::io::stderr().is_terminal();
        let target =
            if is_terminal { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(bytes), target);
        let template = "{bar:30} {percent:>3} %  {msg}  {eta} left";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        Progress { bar, is_terminal, tenth: 0, stored }
    }

    /// Says that so many of the bytes and so many lines were read.
    pub(crate) fn show(&mut self, bytes: u64, lines: u64) {
        let stored = self.stored.load(Ordering::Relaxed);
        let counts = format!("{} lines, {} events stored", grouped(lines), grouped(stored));
        if self.is_terminal {
            self.bar.set_position(bytes);
            self.bar.set_message(counts);
            return;
        }
        let tenth = (bytes * 10).checked_div(self.bar.length().unwrap_or(0)).unwrap_or(10);
        if tenth > self.tenth {
            self.tenth = tenth;
            eprintln!("{:>3} %  {counts}", tenth * 10);
        }
    }

    /// Says that so many of so many events were read.
    pub(crate) fn follow(&mut self, done: u64, total: u64) {
        self.bar.set_length(total);
        if self.is_terminal {
            self.bar.set_position(done);
            self.bar.set_message(format!("{} events", grouped(done)));
            return;
        }
        let tenth = (done * 10).checked_div(total).unwrap_or(0);
        if tenth > self.tenth {
            self.tenth = tenth;
            eprintln!("{:>3} %  {} events", tenth * 10, grouped(done));
        }
    }

    /// Takes the bar away.
    pub(crate) fn end(&self) {
        self.bar.finish_and_clear();
    }
}
