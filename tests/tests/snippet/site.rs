//! A website for the tests: fixture pages under a strict content security policy, the script as it
//! is shipped (from another origin than the pages, as in life), and a `/e` that keeps what it gets
//! and fails as it is told.

use std::collections::{HashMap, VecDeque};
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;

pub(crate) const SCRIPT: &[u8] = include_bytes!("../../../js-snippet/dist/footfall.js");
/// What the script imports where a page needs it.
pub(crate) const ADS: &[u8] = include_bytes!("../../../js-snippet/dist/footfall-ads.js");

/// How `/e` answers.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Answer {
    Status(u16),
    /// 429 with `Retry-After` in seconds.
    After(u32),
    /// Ends the connection without a word.
    Close,
    /// Never answers.
    Hang,
}

/// One request that came in.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    /// What follows the `?`.
    pub(crate) query: String,
    /// Names in lower case.
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: String,
}

impl Request {
    /// The events of a beacon.
    pub(crate) fn events(&self) -> Vec<Value> {
        match serde_json::from_str(&self.body).expect("a beacon is JSON") {
            Value::Array(events) => events,
            event => vec![event],
        }
    }
}

#[derive(Default)]
struct State {
    pages: HashMap<String, String>,
    answers: VecDeque<Answer>,
    finally: Option<Answer>,
    requests: Vec<Request>,
}

pub(crate) struct Site {
    port: u16,
    state: Arc<Mutex<State>>,
}

impl Site {
    pub(crate) fn start() -> Site {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(Mutex::new(State::default()));
        let shared = state.clone();
        // Ends with the tests' process: it holds nothing that would need an orderly end.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = shared.clone();
                std::thread::spawn(move || serve(stream, port, &shared));
            }
        });
        Site { port, state }
    }

    /// A page's address.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://localhost:{}{path}", self.port)
    }

    /// Makes a page that loads the script with these attributes; `body` follows in the document.
    pub(crate) fn page(&self, path: &str, attributes: &str, body: &str) {
        let html = format!(
            "<!doctype html><html lang=en><title>{path}</title>\
             <script defer data-site=example.com {attributes} src={}></script>{body}",
            self.script()
        );
        self.file(path, &html);
    }

    /// The script's address, which is not the pages' origin.
    pub(crate) fn script(&self) -> String {
        format!("http://127.0.0.1:{}/js/footfall.js", self.port)
    }

    /// Makes a file; its type is that of its name, HTML without one.
    pub(crate) fn file(&self, path: &str, content: &str) {
        self.state.lock().unwrap().pages.insert(path.to_owned(), content.to_owned());
    }

    /// How `/e` answers the next requests, and all others after those.
    pub(crate) fn answer(&self, next: &[Answer], finally: Answer) {
        let mut state = self.state.lock().unwrap();
        state.answers = next.iter().copied().collect();
        state.finally = Some(finally);
    }

    pub(crate) fn requests(&self, path: &str) -> Vec<Request> {
        let state = self.state.lock().unwrap();
        state.requests.iter().filter(|request| request.path == path).cloned().collect()
    }

    /// Every event of every beacon so far, in the order in which they came.
    pub(crate) fn events(&self) -> Vec<Value> {
        let mut beacons = self.requests("/e");
        beacons.retain(|beacon| beacon.method == "POST");
        beacons.iter().flat_map(Request::events).collect()
    }

    /// The events of one type, once there are at least `n`.
    pub(crate) fn wait_for(&self, kind: &str, n: usize) -> Vec<Value> {
        let end = Instant::now() + Duration::from_secs(10);
        loop {
            let mut events = self.events();
            events.retain(|event| event["type"] == kind);
            if events.len() >= n {
                return events;
            }
            assert!(Instant::now() < end, "{n} of {kind} wanted, got {:#?}", self.events());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// The events of one type after a time in which more could have come: must be exactly `n`.
    pub(crate) fn exactly(&self, kind: &str, n: usize) -> Vec<Value> {
        self.wait_for(kind, n);
        std::thread::sleep(Duration::from_millis(400));
        let events = self.wait_for(kind, n);
        assert_eq!(events.len(), n, "{events:#?}");
        events
    }
}

fn serve(stream: TcpStream, port: u16, state: &Mutex<State>) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let request = read_request(&mut reader)?;
    let is_beacon = request.path == "/e";
    let mut shared = state.lock().unwrap();
    shared.requests.push(request.clone());
    let answer = if is_beacon {
        shared.answers.pop_front().or(shared.finally).unwrap_or(Answer::Status(202))
    } else {
        Answer::Status(200)
    };
    let content = match request.path.as_str() {
        "/js/footfall.js" => Some(SCRIPT.to_vec()),
        "/js/footfall-ads.js" => Some(ADS.to_vec()),
        path => shared.pages.get(path).map(|content| content.clone().into_bytes()),
    };
    drop(shared);
    match answer {
        Answer::Close => return None,
        Answer::Hang => std::thread::sleep(Duration::from_secs(60)),
        _ => {}
    }
    let (status, retry) = match (answer, &content) {
        (Answer::After(seconds), _) => (429, format!("Retry-After: {seconds}\r\n")),
        (Answer::Status(200), None) => (404, String::new()),
        (Answer::Status(status), _) => (status, String::new()),
        _ => return None,
    };
    let kind = match request.path.rsplit_once('.') {
        Some((_, "js")) => "text/javascript",
        Some((_, "css")) => "text/css",
        Some((_, "svg")) => "image/svg+xml",
        _ => "text/html",
    };
    let content = content.unwrap_or_default();
    let head = format!(
        "HTTP/1.1 {status} .\r\nContent-Type: {kind}; charset=utf-8\r\nContent-Length: {}\r\n\
         Access-Control-Allow-Origin: *\r\nAccess-Control-Expose-Headers: Retry-After\r\n{retry}\
         Content-Security-Policy: default-src 'none'; script-src 'self' http://127.0.0.1:{port} \
         'inline-speculation-rules'; connect-src 'self' http://127.0.0.1:{port}; style-src 'self'; img-src 'self'; \
         form-action 'self'\r\n\
         Connection: close\r\n\r\n",
        content.len()
    );
    let mut stream = stream;
    stream.write_all(head.as_bytes()).ok()?;
    stream.write_all(&content).ok()
}

fn read_request(reader: &mut impl BufRead) -> Option<Request> {
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split_whitespace();
    let method = words.next()?.to_owned();
    let (path, query) =
        words.next().map(|target| target.split_once('?').unwrap_or((target, "")))?;
    let (path, query) = (path.to_owned(), query.to_owned());
    let mut headers = HashMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        headers.insert(name.to_lowercase(), value.to_owned());
    }
    let length = headers.get("content-length").and_then(|n| n.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Request { method, path, query, headers, body: String::from_utf8(body).ok()? })
}
