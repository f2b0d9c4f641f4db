//! What a tab is told about its visitor, and pictures of what it shows.

use std::path::Path;

use anyhow::{Context, Result};
use base64::Engine;
use serde_json::{Value, json};

use super::{Page, text};

impl Page {
    /// Runs a script in every document from now on, before the page's own.
    ///
    /// # Errors
    /// When the tab is gone.
    pub fn on_new_document(&self, script: &str) -> Result<()> {
        self.call("Page.addScriptToEvaluateOnNewDocument", json!({"source": script}))?;
        Ok(())
    }

    /// Sends these headers with every request from now on.
    ///
    /// # Errors
    /// When the tab is gone.
    pub fn set_headers(&self, headers: Value) -> Result<()> {
        self.call("Network.enable", json!({}))?;
        self.call("Network.setExtraHTTPHeaders", json!({"headers": headers}))?;
        Ok(())
    }

    /// Turns the page's JavaScript off or on.
    ///
    /// # Errors
    /// When the tab is gone.
    pub fn set_javascript(&self, on: bool) -> Result<()> {
        self.call("Emulation.setScriptExecutionDisabled", json!({"value": !on}))?;
        Ok(())
    }

    /// Shows the page `width` CSS pixels wide, in dark or light colours.
    ///
    /// # Errors
    /// When the tab is gone.
    pub fn set_look(&self, width: u32, dark: bool) -> Result<()> {
        let metrics =
            json!({"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 640});
        self.call("Emulation.setDeviceMetricsOverride", metrics)?;
        let scheme = if dark { "dark" } else { "light" };
        let feature = json!({"name": "prefers-color-scheme", "value": scheme});
        self.call("Emulation.setEmulatedMedia", json!({"features": [feature]}))?;
        Ok(())
    }

    /// Writes a PNG of the whole page at this width, in dark or light colours.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn screenshot(&self, file: &Path, width: u32, dark: bool) -> Result<()> {
        self.set_look(width, dark)?;
        let params = json!({"format": "png", "captureBeyondViewport": true});
        let data = text(&self.call("Page.captureScreenshot", params)?, "data")?;
        let png = base64::engine::general_purpose::STANDARD.decode(data)?;
        std::fs::write(file, png).with_context(|| format!("{} can't be written", file.display()))
    }
}
