//! A real nginx that serves a small site and writes its usual log.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use footfall_tests::footfall::eventually;
use footfall_tests::tools::free_port;

const CONFIG: &str = "
worker_processes 1;
daemon off;
error_log FOLDER/error.log;
pid FOLDER/nginx.pid;
events { worker_connections 64; }
http {
    types { text/html html; text/css css; image/svg+xml svg; }
    access_log FOLDER/access.log combined;
    client_body_temp_path FOLDER/body;
    proxy_temp_path FOLDER/proxy;
    fastcgi_temp_path FOLDER/fastcgi;
    uwsgi_temp_path FOLDER/uwsgi;
    scgi_temp_path FOLDER/scgi;
    server {
        listen 127.0.0.1:PORT;
        root FOLDER/site;
        index index.html;
        add_header Cache-Control no-cache;
        location = /old { return 301 /boots.html; }
    }
}
";

const PAGES: [(&str, &str); 3] = [
    ("index.html", "<a id=next href=/boots.html>Boots</a>"),
    ("boots.html", "<a id=next href=/size%2047.html?from=boots>Size 47</a><img src=/boot.svg>"),
    ("size 47.html", "<a id=next href=/missing.html>More</a>"),
];

pub(crate) struct Nginx {
    child: Child,
    folder: tempfile::TempDir,
    port: u16,
}

impl Nginx {
    pub(crate) fn start() -> Result<Nginx> {
        let folder = tempfile::tempdir()?;
        let site = folder.path().join("site");
        std::fs::create_dir(&site)?;
        for (name, body) in PAGES {
            let head = "<!doctype html><title>Shop</title><link rel=stylesheet href=/style.css>";
            std::fs::write(site.join(name), format!("{head}{body}"))?;
        }
        std::fs::write(site.join("style.css"), "body { color: black }")?;
        std::fs::write(site.join("boot.svg"), "<svg xmlns='http://www.w3.org/2000/svg'/>")?;
        // Started as root, nginx gives its workers to a user who has to get into the folder.
        open_to_all(folder.path())?;
        let port = free_port()?;
        let text = CONFIG
            .replace("FOLDER", &folder.path().display().to_string())
            .replace("PORT", &port.to_string());
        let config = folder.path().join("nginx.conf");
        std::fs::write(&config, text)?;
        let child = Command::new("nginx")
            .arg("-c")
            .arg(&config)
            .arg("-e")
            .arg(folder.path().join("error.log"))
            .stdin(Stdio::null())
            .spawn()
            .context("nginx is missing: `apt-get install nginx-light`")?;
        let nginx = Nginx { child, folder, port };
        eventually("nginx answers", Duration::from_secs(10), || {
            Ok(std::net::TcpStream::connect(("127.0.0.1", nginx.port)).is_ok())
        })?;
        Ok(nginx)
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(crate) fn access_log(&self) -> PathBuf {
        self.folder.path().join("access.log")
    }

    /// Ends it, after which the log is complete.
    pub(crate) fn stop(&mut self) -> Result<()> {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::QUIT)?;
        let status = self.child.wait()?;
        ensure!(status.success(), "nginx ended with {status}");
        Ok(())
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        if matches!(self.child.try_wait(), Ok(None)) {
            // The master ends its workers only when it is asked to.
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
            drop(self.child.wait());
        }
    }
}

fn open_to_all(folder: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    Ok(std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755))?)
}
