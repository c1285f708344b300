//! An nginx of the test's own, on a port that was free.

use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use super::{Running, file, peer, start};

/// A server that lasts as long as this.
pub struct Nginx {
    _running: Running,
    /// Its port of 127.0.0.1.
    pub port: u16,
}

impl Nginx {
    /// Serves the files in `root`, and what `locations` say; `None`, said on stderr, when there is no nginx.
    pub fn serving(root: &tempfile::TempDir, locations: &str) -> Option<Nginx> {
        for _ in 0..20 {
            // A port that was free a moment ago; another test may take it, then the next one is tried.
            let port = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a port is free").port();
            let config = file(root, "nginx.conf", config(root, port, locations).as_bytes());
            let mut command = peer("nginx")?;
            let running = start(command.arg("-e").arg("stderr").arg("-c").arg(config).arg("-p").arg(root.path()));
            if is_up(&running, port) {
                return Some(Nginx { _running: running, port });
            }
        }
        panic!("nginx found no port in 20 tries")
    }
}

fn config(root: &tempfile::TempDir, port: u16, locations: &str) -> String {
    let at = root.path().display();
    format!(
        "daemon off; master_process off; pid {at}/pid; error_log stderr notice; worker_processes 1;
         events {{ worker_connections 64; }}
         http {{
           access_log off; default_type application/octet-stream;
           client_body_temp_path {at}/t1; proxy_temp_path {at}/t2; fastcgi_temp_path {at}/t3;
           uwsgi_temp_path {at}/t4; scgi_temp_path {at}/t5;
           server {{
             listen 127.0.0.1:{port}; root {at}; server_name localhost; absolute_redirect off;
             {locations}
           }}
         }}"
    )
}

fn is_up(running: &Running, port: u16) -> bool {
    while running.is_running() {
        // Its own word and not a connection: another server may have the port.
        if running.stderr().contains("start worker") || running.stderr().contains("using the \"") {
            return TcpStream::connect(("127.0.0.1", port)).is_ok() && running.is_running();
        }
        thread::sleep(Duration::from_millis(5));
    }
    false
}
