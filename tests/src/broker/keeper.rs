//! The thread that starts the broker's process and stays: see [`super`].

use std::process::{Child, Command};
use std::sync::mpsc::{Receiver, Sender, channel};

use anyhow::{Context, Result};
use rustix::process::Pid;

type Job = Box<dyn FnOnce(&mut Option<Child>) + Send>;

/// The thread that is the parent of the broker's process.
#[derive(Debug)]
pub(super) struct Keeper {
    jobs: Sender<Job>,
}

impl Keeper {
    pub(super) fn start() -> Result<Keeper> {
        let (jobs, todo): (Sender<Job>, Receiver<Job>) = channel();
        std::thread::Builder::new().name("kafka keeper".into()).spawn(move || {
            let mut child = None;
            for job in todo {
                job(&mut child);
            }
            end(&mut child);
        })?;
        Ok(Keeper { jobs })
    }

    fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Option<Child>) -> T + Send + 'static,
    ) -> T {
        let (sender, receiver) = channel();
        let job: Job = Box::new(move |child| drop(sender.send(job(child))));
        self.jobs.send(job).expect("the keeper stays as long as its handle");
        receiver.recv().expect("the keeper answers every job")
    }

    pub(super) fn spawn(&self, mut command: Command) -> Result<Pid> {
        self.run(move |child| {
            let started = command.spawn().context("setpriv (util-linux) can't be started")?;
            let pid = Pid::from_child(&started);
            *child = Some(started);
            Ok(pid)
        })
    }

    pub(super) fn has_ended(&self) -> bool {
        self.run(|child| match child {
            Some(child) => !matches!(child.try_wait(), Ok(None)),
            None => true,
        })
    }

    pub(super) fn kill(&self) {
        self.run(end);
    }
}

fn end(child: &mut Option<Child>) {
    if let Some(mut child) = child.take() {
        let _ = child.kill();
        let _ = child.wait();
    }
}
