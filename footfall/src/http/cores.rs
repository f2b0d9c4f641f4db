//! Event loops, one for each processor, each with connections of its own.
//!
//! In a runtime whose threads share all connections, one thread watches the sockets and wakes others
//! to answer, some 24,000 times a second at 32,000 clicks. Here whoever is woken answers. What the two
//! cost is in `docs/decisions/one-event-loop-per-processor.md`.

use std::future::Future;
use std::io;
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio::runtime::{Builder, Handle};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::processor::{Place, Processors};

/// The event loops. Ends them, and the connections that are left, when it is dropped.
pub(crate) struct Cores {
    loops: Vec<Loop>,
    _stop: DropGuard,
}

struct Loop {
    runtime: Handle,
    /// As many clones as it has connections.
    connections: Arc<()>,
}

impl Cores {
    /// Starts a thread for each processor that this process may use.
    ///
    /// # Errors
    /// When the system has no room for a thread or an event queue.
    pub(crate) fn start() -> io::Result<Cores> {
        let stop = CancellationToken::new();
        let count = std::thread::available_parallelism().map_or(1, usize::from);
        let processors = Processors::for_each_of(count);
        let loops = (0..count).map(|number| Loop::start(number, processors.clone(), stop.clone()));
        let loops = loops.collect::<io::Result<_>>()?;
        Ok(Cores { loops, _stop: stop.drop_guard() })
    }

    /// Gives a connection to the loop that has the fewest.
    ///
    /// # Errors
    /// When the loop can't watch its socket.
    pub(crate) fn give<F>(
        &self,
        stream: TcpStream,
        connection: impl FnOnce(TcpStream) -> F,
    ) -> io::Result<()>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let fewest = self.loops.iter().min_by_key(|it| Arc::strong_count(&it.connections));
        let Loop { runtime, connections } = fewest.expect("there is one for each processor");
        let stream = stream.into_std()?;
        let connection = {
            // Its socket and its timers belong to the loop that is entered here.
            let _entered = runtime.enter();
            connection(TcpStream::from_std(stream)?)
        };
        let counted = Arc::clone(connections);
        runtime.spawn(async move {
            connection.await;
            drop(counted);
        });
        Ok(())
    }
}

impl Loop {
    fn start(
        number: usize,
        processors: Option<Processors>,
        stop: CancellationToken,
    ) -> io::Result<Loop> {
        let mut builder = Builder::new_current_thread();
        if let Some(processors) = processors {
            let place = Place::new(processors.clone(), number);
            builder.on_thread_park(move || place.look());
            // Threads for what would hold up the loop begin where the loop is bound.
            builder.on_thread_start(move || processors.release());
        }
        let runtime = builder.enable_all().build()?;
        let handle = runtime.handle().clone();
        std::thread::Builder::new()
            .name(format!("serve-{number}"))
            .spawn(move || runtime.block_on(stop.cancelled_owned()))?;
        Ok(Loop { runtime: handle, connections: Arc::default() })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::mpsc::RecvTimeoutError;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// Takes as many connections as given; each says the name of the thread that serves it.
    async fn connect(cores: &Cores, count: usize) -> Vec<TcpStream> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut clients = Vec::new();
        for _ in 0..count {
            clients.push(TcpStream::connect(address).await.unwrap());
            let (stream, _) = listener.accept().await.unwrap();
            let serve = |mut stream: TcpStream| async move {
                let name = std::thread::current().name().unwrap_or_default().to_owned();
                stream.write_all(format!("{name:16}").as_bytes()).await.unwrap();
                // Until the client goes away.
                drop(stream.read(&mut [0]).await);
            };
            cores.give(stream, serve).unwrap();
        }
        clients
    }

    async fn name(client: &mut TcpStream) -> String {
        let mut name = [0; 16];
        client.read_exact(&mut name).await.unwrap();
        String::from_utf8_lossy(&name).trim_end().to_owned()
    }

    #[tokio::test]
    async fn every_loop_gets_its_share() {
        let cores = Cores::start().unwrap();
        let count = cores.loops.len();
        let mut clients = connect(&cores, 3 * count).await;
        let mut of_loop = BTreeMap::<String, usize>::new();
        for client in &mut clients {
            *of_loop.entry(name(client).await).or_default() += 1;
        }
        assert_eq!(of_loop.len(), count, "{of_loop:?}");
        assert!(of_loop.values().all(|connections| *connections == 3), "{of_loop:?}");
    }

    #[tokio::test]
    async fn what_is_left_ends_with_the_loops() {
        let cores = Cores::start().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let _client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        let (held, ended) = std::sync::mpsc::channel::<()>();
        let serve = |stream: TcpStream| async move {
            std::future::pending::<()>().await;
            drop((stream, held));
        };
        cores.give(stream, serve).unwrap();
        let wait = |millis| ended.recv_timeout(std::time::Duration::from_millis(millis));
        assert_eq!(wait(50), Err(RecvTimeoutError::Timeout));
        drop(cores);
        assert_eq!(wait(20_000), Err(RecvTimeoutError::Disconnected));
    }
}
