//! A real Chromium for tests, driven by its DevTools protocol over a pipe.
//!
//! The pipe (`--remote-debugging-pipe`) needs no port and no WebSocket, and the browser ends by
//! itself when it closes, so none outlives its tests. Only what tests need is wrapped;
//! [`Page::call`] sends any other command of the protocol.
//!
//! `CHROMIUM` names another program than `chromium`.

mod pipe;
mod settings;

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use pipe::Pipe;

/// How long a page may take to load, or a condition to come true, when a test does not say.
const PATIENCE: Duration = Duration::from_secs(15);
/// How often a condition in a page is looked at.
const POLL: Duration = Duration::from_millis(20);

/// A running browser with a profile of its own. Dropping it ends it.
#[derive(Debug)]
pub struct Browser {
    pipe: std::sync::Arc<Pipe>,
}

/// One tab.
#[derive(Debug)]
pub struct Page {
    pipe: std::sync::Arc<Pipe>,
    target: String,
    session: String,
    /// Number of the first event of this page.
    born: usize,
}

impl Browser {
    /// Starts a headless browser with an empty profile.
    ///
    /// # Errors
    /// When the program is missing or does not answer.
    pub fn start() -> Result<Browser> {
        Browser::start_with(&[])
    }

    /// The same with further command line switches.
    ///
    /// # Errors
    /// When the program is missing or does not answer.
    pub fn start_with(switches: &[&str]) -> Result<Browser> {
        let browser = Browser { pipe: std::sync::Arc::new(Pipe::open(switches)?) };
        browser.call("Browser.getVersion", json!({}))?;
        Ok(browser)
    }

    /// Sends one command of the DevTools protocol to the browser as a whole.
    ///
    /// # Errors
    /// When the browser refuses it, is gone, or does not answer.
    pub fn call(&self, method: &str, params: Value) -> Result<Value> {
        self.pipe.call(None, method, params)
    }

    /// Opens a tab in front of the others, which are hidden then.
    ///
    /// # Errors
    /// When the browser is gone.
    pub fn page(&self) -> Result<Page> {
        let created = self.call("Target.createTarget", json!({"url": "about:blank"}))?;
        let target = text(&created, "targetId")?;
        let attach = json!({"targetId": target, "flatten": true});
        let session = text(&self.call("Target.attachToTarget", attach)?, "sessionId")?;
        let page = Page { pipe: self.pipe.clone(), target, session, born: self.pipe.events_seen() };
        for domain in ["Page", "Runtime", "Log"] {
            page.call(&format!("{domain}.enable"), json!({}))?;
        }
        page.show()?;
        Ok(page)
    }
}

impl Page {
    /// Sends one command of the DevTools protocol to this tab.
    ///
    /// # Errors
    /// When the browser refuses it, is gone, or does not answer.
    pub fn call(&self, method: &str, params: Value) -> Result<Value> {
        self.pipe.call(Some(&self.session), method, params)
    }

    /// Opens an address and waits until it has loaded.
    ///
    /// # Errors
    /// When it can't be reached or does not finish loading.
    pub fn goto(&self, url: &str) -> Result<()> {
        let before = self.pipe.events_seen();
        let reply = self.call("Page.navigate", json!({"url": url}))?;
        if let Some(error) = reply["errorText"].as_str() {
            bail!("{url} can't be opened: {error}");
        }
        if reply["loaderId"].is_null() {
            return Ok(()); // Only the fragment changed: nothing is loaded.
        }
        self.wait_for_event(before, |event| event["method"] == "Page.loadEventFired")
            .with_context(|| format!("{url} did not finish loading"))
    }

    /// Does something that leads to another document, and waits until it has loaded.
    ///
    /// # Errors
    /// When the action fails or nothing is loaded.
    pub fn loads(&self, action: impl FnOnce() -> Result<()>) -> Result<()> {
        let before = self.pipe.events_seen();
        action()?;
        self.wait_for_event(before, |event| event["method"] == "Page.loadEventFired")
            .context("no page was loaded")
    }

    /// The value of a JavaScript expression; promises are awaited.
    ///
    /// # Errors
    /// When it throws, with what it threw.
    pub fn eval(&self, expression: &str) -> Result<Value> {
        let params = json!({"expression": expression, "returnByValue": true, "awaitPromise": true});
        let mut reply = self.call("Runtime.evaluate", params)?;
        if let Some(thrown) = reply.get("exceptionDetails") {
            bail!("{expression:?} threw {}", thrown["exception"]["description"]);
        }
        Ok(reply["result"]["value"].take())
    }

    /// Waits until a JavaScript expression is true, also across navigations.
    ///
    /// # Errors
    /// When it still isn't after 15 seconds, with what it was at last.
    pub fn wait_until(&self, expression: &str) -> Result<()> {
        self.wait_until_within(expression, PATIENCE)
    }

    /// The same with a time of one's own.
    ///
    /// # Errors
    /// When it still isn't true, with what it was at last.
    pub fn wait_until_within(&self, expression: &str, patience: Duration) -> Result<()> {
        let end = Instant::now() + patience;
        loop {
            let last = self.eval(expression);
            if matches!(last, Ok(Value::Bool(true))) {
                return Ok(());
            }
            ensure!(Instant::now() < end, "{expression:?} was {last:?} after {patience:?}");
            std::thread::sleep(POLL);
        }
    }

    /// The visible text of the page.
    ///
    /// # Errors
    /// When the browser is gone.
    pub fn text(&self) -> Result<String> {
        Ok(self.eval("document.body.innerText")?.as_str().unwrap_or_default().to_owned())
    }

    /// Clicks the middle of the first element that a CSS selector finds, as a mouse does.
    ///
    /// # Errors
    /// When there is no such element, or it has no size.
    pub fn click(&self, selector: &str) -> Result<()> {
        let place = self.eval(&format!(
            "(() => {{ const e = document.querySelector({selector:?}); if (!e) return null;
               e.scrollIntoView({{block: 'center', behavior: 'instant'}});
               const r = e.getClientRects()[0]; return r && [r.x + r.width / 2, r.y + r.height / 2] }})()"
        ))?;
        ensure!(place.is_array(), "nothing to click on at {selector:?}");
        for kind in ["mousePressed", "mouseReleased"] {
            let event = json!({"type": kind, "x": place[0], "y": place[1], "button": "left", "clickCount": 1});
            self.call("Input.dispatchMouseEvent", event)?;
        }
        Ok(())
    }

    /// Empties an input and types a text into it.
    ///
    /// # Errors
    /// When there is no such input.
    pub fn fill(&self, selector: &str, value: &str) -> Result<()> {
        self.eval(&format!("document.querySelector({selector:?}).select()"))?;
        self.call("Input.insertText", json!({"text": value}))?;
        Ok(())
    }

    /// Goes back (−1) or forward (1) in the tab's history, as the browser's buttons do, and waits
    /// until the other entry is shown.
    ///
    /// # Errors
    /// When the history does not reach that far.
    pub fn travel(&self, steps: i64) -> Result<()> {
        let history = self.call("Page.getNavigationHistory", json!({}))?;
        let place = history["currentIndex"].as_i64().unwrap_or_default() + steps;
        let entry = usize::try_from(place).ok().and_then(|place| history["entries"].get(place));
        let id = entry.with_context(|| format!("no history {steps} steps away"))?["id"].clone();
        let before = self.pipe.events_seen();
        self.call("Page.navigateToHistoryEntry", json!({"entryId": id}))?;
        self.wait_for_event(before, |event| {
            event["method"] == "Page.navigatedWithinDocument"
                || event["method"] == "Page.frameNavigated"
        })
    }

    /// Brings the tab to the front and hides the others.
    ///
    /// # Errors
    /// When the tab is gone.
    pub fn show(&self) -> Result<()> {
        self.call("Page.bringToFront", json!({}))?;
        Ok(())
    }

    /// Everything on the tab's console so far: messages of scripts, uncaught errors and unhandled
    /// rejections, and what the browser itself has to say (failed requests, broken policies).
    pub fn console(&self) -> Vec<String> {
        self.pipe.events(self.born, |event| {
            let params = &event["params"];
            let line = match event["method"].as_str()? {
                "Runtime.consoleAPICalled" => format!("{}: {}", params["type"], params["args"]),
                "Runtime.exceptionThrown" => format!("uncaught: {}", params["exceptionDetails"]),
                "Log.entryAdded" => {
                    let entry = &params["entry"];
                    format!("{}: {} {}", entry["source"], entry["text"], entry["url"])
                }
                _ => return None,
            };
            (event["sessionId"] == self.session.as_str()).then_some(line)
        })
    }

    /// Closes the tab as a user does: the page is told.
    ///
    /// # Errors
    /// When the tab is gone.
    pub fn close(self) -> Result<()> {
        self.pipe.call(None, "Target.closeTarget", json!({"targetId": self.target}))?;
        Ok(())
    }

    fn wait_for_event(&self, from: usize, wanted: impl Fn(&Value) -> bool) -> Result<()> {
        self.pipe.wait_for_event(from, PATIENCE, |event| {
            event["sessionId"] == self.session.as_str() && wanted(event)
        })
    }
}

fn text(reply: &Value, field: &str) -> Result<String> {
    let value = reply[field].as_str().with_context(|| format!("no {field} in {reply}"))?;
    Ok(value.to_owned())
}
