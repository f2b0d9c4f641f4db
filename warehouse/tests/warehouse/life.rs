//! Locks, restarts and ends of the engine's process.

use std::io::Read;
use std::process::Stdio;
use std::time::{Duration, Instant};

use footfall_warehouse::engine::{self, State};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use crate::child::{self, Engine};

fn is_alive(process: i32) -> bool {
    // A process that ended and was not waited for still answers; its state tells.
    test_kill_process(Pid::from_raw(process).unwrap()).is_ok()
        && !std::fs::read_to_string(format!("/proc/{process}/stat"))
            .is_ok_and(|stat| stat.rsplit(')').next().is_some_and(|rest| rest.starts_with(" Z")))
}

async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let started = Instant::now();
    while !condition() {
        assert!(started.elapsed() < Duration::from_secs(30), "{what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn an_engine_that_dies_is_started_again_and_ends_on_shutdown() {
    let engine = Engine::start().await;
    let warehouse = engine.warehouse("default");
    warehouse.ping().await.unwrap();
    let first = engine.process();
    let query = tokio::spawn({
        let warehouse = warehouse.clone();
        async move { warehouse.number("SELECT count() FROM numbers(1000000000000)").await }
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    kill_process(Pid::from_raw(first).unwrap(), Signal::KILL).unwrap();
    let error = query.await.unwrap().unwrap_err();
    assert!(error.is_retriable(), "{error:?}");
    let mut state = engine.supervisor.watch();
    state.wait_for(|state| matches!(state, State::Down { .. })).await.unwrap();
    assert!(engine.supervisor.ready(Duration::from_secs(30)).await);
    warehouse.ping().await.unwrap();
    let second = engine.process();
    assert_ne!(first, second);

    // A second engine on the same folder says who has it.
    let mut other = child::command(engine.data.path(), "127.0.0.1:0")
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let status = other.wait().unwrap();
    let mut said = String::new();
    other.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(!status.success());
    assert!(
        said.contains("in use by another engine") && said.contains(&second.to_string()),
        "{said}"
    );

    let started = Instant::now();
    engine.supervisor.shutdown().await;
    assert!(!is_alive(second));
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
}

#[tokio::test]
async fn an_engine_ends_with_its_parent() {
    let data = tempfile::tempdir().unwrap();
    let address = child::free_address();
    let mut command = child::command(data.path(), &address);
    command.stdin(Stdio::piped()).env("FOOTFALL_ENGINE_SUPERVISED", "1");
    let mut engine = command.spawn().unwrap();
    until("the engine starts", || std::net::TcpStream::connect(&address).is_ok()).await;
    let process = engine.id() as i32;
    // What the kernel does with the pipe when the parent dies, however it dies.
    drop(engine.stdin.take());
    until("the engine ends", || !is_alive(process)).await;
    engine.wait().unwrap();
}

#[tokio::test]
async fn a_library_that_is_missing_names_the_command_that_fetches_it() {
    let settings = engine::Settings {
        data: tempfile::tempdir().unwrap().path().to_owned(),
        library: Some("/nowhere/libchdb.so".into()),
        ..Default::default()
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let error = engine::run(settings, listener, std::future::pending()).await.unwrap_err();
    assert!(error.to_string().contains("make tools"), "{error}");
    assert!(error.to_string().contains("/nowhere/libchdb.so"), "{error}");
}
