//! Every example of `docs/for-publishers.md`, as it stands there: the commands are run, the pages
//! are opened in a real browser.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use footfall_tests::chromium::Browser;
use footfall_tests::footfall::{Footfall, binary, eventually};

/// The code of all blocks in this language, in their order, with the server's own address.
fn examples(language: &str, server: &str) -> Result<Vec<String>> {
    let path = footfall_tests::tools::repository().join("docs/for-publishers.md");
    let text = std::fs::read_to_string(path)?;
    let fence = format!("```{language}\n");
    let blocks = text.split(&fence).skip(1);
    let code = blocks.filter_map(|rest| rest.split("\n```").next());
    Ok(code.map(|code| code.replace("https://HOST", server)).collect())
}

/// A website that shows one page, which can be replaced. Ends with the test's process.
fn website() -> Result<(String, Arc<Mutex<String>>)> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let address = format!("http://localhost:{}/", listener.local_addr()?.port());
    let page = Arc::new(Mutex::new(String::new()));
    let shown = page.clone();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut head = [0; 8_192];
            if stream.read(&mut head).is_err() {
                continue;
            }
            let html = shown.lock().map(|html| html.clone()).unwrap_or_default();
            let length = html.len();
            let answer = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n\
                 Content-Length: {length}\r\nConnection: close\r\n\r\n{html}"
            );
            drop(stream.write_all(answer.as_bytes()));
        }
    });
    Ok((address, page))
}

fn accepted(serve: &Footfall, kind: &str, count: f64) -> Result<()> {
    let labels = [format!("type=\"{kind}\""), "outcome=\"accepted\"".to_owned()];
    eventually(&format!("{count} of {kind} are accepted"), Duration::from_secs(15), || {
        let text = ureq::get(format!("{}/metrics", serve.metrics_url())).call()?;
        let text = text.into_body().read_to_string()?;
        let of = |line: &&str| {
            line.starts_with("footfall_events_received_total{")
                && labels.iter().all(|label| line.contains(label))
        };
        let values = text.lines().filter(of).filter_map(|line| line.rsplit(' ').next());
        let sum: f64 = values.filter_map(|value| value.parse::<f64>().ok()).sum();
        ensure!(sum <= count, "{sum} of {kind}");
        Ok(sum == count)
    })
}

#[test]
fn the_examples_for_publishers_do_what_they_say() -> Result<()> {
    let serve = Footfall::serve(&[])?;
    serve.run(&["site", "add", "example.com"])?;
    let made = serve.run(&["key", "add", "--site", "example.com"])?;
    let key = made["key"].as_str().context("a key")?.to_owned();
    let path = std::env::var("PATH")?;
    let folder = binary().parent().context("a folder")?.display().to_string();
    for code in examples("sh", &serve.url())? {
        let output = Command::new("bash")
            .args(["-euc", &code])
            .env("PATH", format!("{folder}:{path}"))
            .env("FOOTFALL_DATA", serve.data())
            .env("KEY", &key)
            .output()?;
        ensure!(output.status.success(), "{code}\n{}", String::from_utf8_lossy(&output.stderr));
    }
    accepted(&serve, "impression", 1.0)?;

    // The pages are those of example.com, which here is called localhost.
    serve.run(&["site", "add", "example.com", "--alias", "localhost"])?;
    let (address, shown) = website()?;
    let browser = Browser::start()?;
    let page = browser.page()?;
    let pages = examples("html", &serve.url())?;
    let [marked, by_script, link] = pages.as_slice() else {
        anyhow::bail!("{} pages", pages.len());
    };
    let show = |html: &str| {
        html.clone_into(&mut shown.lock().expect("nobody panicked with it"));
        page.goto(&address)
    };
    show(marked)?;
    accepted(&serve, "impression", 2.0)?;
    accepted(&serve, "view", 1.0)?;
    page.wait_until("document.querySelector('a').search.includes('&impression=')")?;

    show(by_script)?;
    accepted(&serve, "impression", 4.0)?;
    accepted(&serve, "view", 3.0)?;
    let link_of = "document.querySelector('[data-footfall-ad=tent] a').search";
    let search = page.eval(link_of)?;
    let expected = "?placement=results&position=2&query=hiking+boots&impression=";
    ensure!(search.as_str().is_some_and(|search| search.starts_with(expected)), "{search}");

    let agent: ureq::Agent = ureq::Agent::config_builder().max_redirects(0).build().into();
    show(link)?;
    for (i, (link, destination)) in [
        (page.eval("document.querySelector('a').href")?, "https://shop.example/boots?utm_source="),
        (
            format!("{}/c/tent?placement=results", serve.url()).into(),
            "https://shop.example/tents/results?",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let link = link.as_str().context("a link")?.to_owned();
        let answer = agent.get(&link).header("User-Agent", "Mozilla/5.0 Firefox/145.0").call()?;
        let location = answer.headers().get("location").context("a location")?.to_str()?;
        ensure!(answer.status() == 302 && location.starts_with(destination), "{location}");
        ensure!(location.contains("ffclid="), "{location}");
        accepted(&serve, "click", i as f64 + 1.0)?;
    }
    Ok(())
}
