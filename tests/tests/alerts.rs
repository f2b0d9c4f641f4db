//! Alerts reach those who asked for them: also when the receiver was away and the process was
//! killed meanwhile; and webhooks never reach into private networks.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use footfall_aggregator::alerts::{SIGNATURE_HEADER, TIMESTAMP_HEADER, signature};
use footfall_tests::footfall::{Footfall, eventually};

/// One request as it came.
struct Request {
    line: String,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

type Requests = Arc<Mutex<Vec<Request>>>;

/// Takes requests on an address until the test ends, and answers all the same.
fn receive(listener: TcpListener, answer: &'static str) -> Requests {
    let requests = Requests::default();
    let taken = requests.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            if let Ok(request) = read_request(&stream) {
                taken.lock().expect("nobody panics with it").push(request);
                drop((&stream).write_all(answer.as_bytes()));
            }
        }
    });
    requests
}

fn read_request(stream: &TcpStream) -> Result<Request> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut headers = BTreeMap::new();
    loop {
        let mut header = String::new();
        reader.read_line(&mut header)?;
        let Some((name, value)) = header.trim_end().split_once(": ") else { break };
        headers.insert(name.to_lowercase(), value.to_owned());
    }
    let length = headers.get("content-length").context("no length")?.parse()?;
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(Request { line, headers, body })
}

const OK: &str = "HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n";

fn serve(settings: &str) -> Result<(Footfall, tempfile::NamedTempFile)> {
    let mut file = tempfile::NamedTempFile::new()?;
    write!(file, "[aggregate.alerts]\n{settings}\n")?;
    let path = file.path().to_str().context("a path is text")?;
    Ok((Footfall::serve(&["--config", path])?, file))
}

/// An address where nobody listens yet.
fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

fn raise(footfall: &Footfall, channel: &str, ids: &mut Vec<String>) -> Result<()> {
    let alert = footfall.run(&["alert", "test", channel])?;
    ids.push(alert["id"].as_str().context("an alert has an id")?.to_owned());
    Ok(())
}

fn arrived(requests: &Requests) -> Vec<String> {
    let requests = requests.lock().expect("nobody panics with it");
    requests.iter().map(|request| request.headers["footfall-alert"].clone()).collect()
}

#[test]
fn alerts_wait_for_a_receiver_that_is_away_and_survive_kill_9() -> Result<()> {
    let (mut footfall, _file) = serve("allow_private_addresses = true")?;
    let address = free_address()?;
    let channel =
        footfall.run(&["alert", "add", "--webhook", &format!("http://{address}/hook")])?;
    let id = channel["id"].as_str().context("a channel has an id")?;
    let secret = channel["target"]["webhook"]["secret"].as_str().context("a secret")?;
    let listed = footfall.run(&["alert", "list"])?.to_string();
    ensure!(listed.contains(id) && !listed.contains(secret), "{listed}");

    let mut ids = Vec::new();
    for _ in 0..4 {
        raise(&footfall, id, &mut ids)?;
    }
    footfall.kill();
    footfall.restart()?;
    raise(&footfall, id, &mut ids)?;
    eventually("the receiver is missed", Duration::from_secs(20), || {
        Ok(footfall.metric("footfall_alerts_failed_total", "")? >= 1.0)
    })?;
    footfall.kill();
    footfall.restart()?;

    let requests = receive(TcpListener::bind(address)?, OK);
    ids.sort();
    eventually("every alert arrives", Duration::from_secs(30), || {
        let mut arrived = arrived(&requests);
        arrived.sort();
        ensure!(arrived == ids, "{} of {}", arrived.len(), ids.len());
        Ok(true)
    })?;
    for request in requests.lock().expect("nobody panics with it").iter() {
        ensure!(request.line.starts_with("POST /hook "), "{}", request.line);
        let timestamp = request.headers[TIMESTAMP_HEADER].parse()?;
        let expected = signature(secret, timestamp, &request.body);
        ensure!(request.headers[SIGNATURE_HEADER] == expected, "the signature doesn't fit");
    }

    // What was delivered stays delivered.
    eventually("the deliveries are committed", Duration::from_secs(10), || {
        Ok(footfall.metric("footfall_consumer_lag_events", "group=\"alerts\"")? == 0.0)
    })?;
    footfall.kill();
    footfall.restart()?;
    raise(&footfall, id, &mut ids)?;
    eventually("a further alert arrives", Duration::from_secs(20), || {
        Ok(arrived(&requests).len() >= ids.len())
    })?;
    let mut all = arrived(&requests);
    all.sort();
    ids.sort();
    ensure!(all == ids, "an alert was delivered again");
    Ok(())
}

#[test]
fn webhooks_never_lead_into_private_networks() -> Result<()> {
    let (footfall, _file) = serve("")?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    let requests = receive(listener, OK);
    for host in ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "0.0.0.0", "2130706433"] {
        let url = format!("http://{host}:{port}/");
        let channel = footfall.run(&["alert", "add", "--webhook", &url])?;
        raise(&footfall, channel["id"].as_str().context("an id")?, &mut Vec::new())?;
    }
    eventually("all are tried", Duration::from_secs(20), || {
        Ok(footfall.metric("footfall_alerts_failed_total", "")? >= 5.0)
    })?;
    ensure!(
        requests.lock().expect("nobody panics with it").is_empty(),
        "a private address was reached"
    );
    ensure!(footfall.log().contains("webhooks may lead to public ones only"), "no reason is given");
    for bad in ["ftp://example.com", "example.com", "http://user:secret@example.com/"] {
        let refused = footfall.run(&["alert", "add", "--webhook", bad]);
        ensure!(refused.is_err(), "{bad} was taken");
    }
    Ok(())
}

#[test]
fn redirects_are_not_followed() -> Result<()> {
    let (footfall, _file) = serve("allow_private_addresses = true")?;
    let target = TcpListener::bind("127.0.0.1:0")?;
    let location = format!("http://{}/inside", target.local_addr()?);
    let inside = receive(target, OK);
    let redirect: &'static str = Box::leak(
        format!(
            "HTTP/1.1 307 Temporary Redirect\r\nlocation: {location}\r\nconnection: close\r\n\
             content-length: 0\r\n\r\n"
        )
        .into_boxed_str(),
    );
    let outside = TcpListener::bind("127.0.0.1:0")?;
    let url = format!("http://{}/", outside.local_addr()?);
    let asked = receive(outside, redirect);
    let channel = footfall.run(&["alert", "add", "--webhook", &url])?;
    raise(&footfall, channel["id"].as_str().context("an id")?, &mut Vec::new())?;
    eventually("the receiver is asked", Duration::from_secs(20), || {
        Ok(!asked.lock().expect("nobody panics with it").is_empty()
            && footfall.metric("footfall_alerts_failed_total", "")? >= 1.0)
    })?;
    ensure!(inside.lock().expect("nobody panics with it").is_empty(), "the redirect was followed");
    ensure!(footfall.log().contains("redirects are not followed"), "no reason is given");
    Ok(())
}

/// A mail server that takes one message at a time.
fn mail_server(listener: TcpListener) -> Arc<Mutex<Vec<String>>> {
    let messages: Arc<Mutex<Vec<String>>> = Arc::default();
    let taken = messages.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let message = take_message(&stream).unwrap_or_default();
            taken.lock().expect("nobody panics with it").push(message);
        }
    });
    messages
}

fn take_message(mut stream: &TcpStream) -> Result<String> {
    let mut lines = BufReader::new(stream).lines();
    let mut message = String::new();
    stream.write_all(b"220 test\r\n")?;
    while let Some(line) = lines.next().transpose()? {
        match line.split_whitespace().next().unwrap_or_default().to_uppercase().as_str() {
            "DATA" => {
                stream.write_all(b"354 go on\r\n")?;
                for line in lines.by_ref() {
                    let line = line?;
                    if line == "." {
                        break;
                    }
                    message.push_str(&line);
                    message.push('\n');
                }
                stream.write_all(b"250 taken\r\n")?;
            }
            "QUIT" => {
                stream.write_all(b"221 bye\r\n")?;
                break;
            }
            _ => stream.write_all(b"250 fine\r\n")?,
        }
    }
    Ok(message)
}

#[test]
fn alerts_come_by_mail() -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let smtp = format!("smtp = \"smtp://{}\"", listener.local_addr()?);
    let messages = mail_server(listener);
    let (footfall, _file) = serve(&smtp)?;
    let channel = footfall.run(&["alert", "add", "--email", "ann@example.com"])?;
    let mut ids = Vec::new();
    let began = Instant::now();
    raise(&footfall, channel["id"].as_str().context("an id")?, &mut ids)?;
    eventually("the mail arrives", Duration::from_secs(20), || {
        Ok(messages
            .lock()
            .expect("nobody panics with it")
            .iter()
            .any(|message| message.contains(&ids[0])))
    })?;
    ensure!(began.elapsed() < Duration::from_secs(20));
    let messages = messages.lock().expect("nobody panics with it");
    ensure!(messages.len() == 1 && messages[0].contains("To: ann@example.com"), "{messages:?}");
    Ok(())
}
