//! nginx as a child of the bench, on a port and with a directory of its own.
//!
//! One process, sendfile, no log; all else as it comes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use crate::Bench;
use crate::child::Child;
use crate::payload::words;
use crate::place::{Medium, Place, listen};
use crate::transfer::limit;

/// Debian puts it there, which is not in everybody's PATH.
const SBIN: &str = "/usr/sbin/nginx";
/// What it wants to be able to write to, whether it ever does or not.
const WRITABLE: [&str; 5] = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];

/// One that serves the files of the run, and dies with this value.
pub struct Nginx {
    child: Child,
    port: u16,
    directory: PathBuf,
}

impl Nginx {
    pub fn start(bench: &Bench) -> Result<Self, String> {
        let directory = bench.scratch.path("nginx");
        fs::create_dir(&directory).map_err(words)?;
        let root = bench.scratch.payload.parent().unwrap_or(Path::new("/"));
        let (place, child) = listen(&bench.scratch, Medium::Tcp, limit(bench), |place| {
            let config = directory.join("nginx.conf");
            fs::write(&config, text(&directory, root, place)).map_err(words)?;
            let mut command = program();
            command.arg("-c").arg(config).stdin(Stdio::null()).stdout(Stdio::null());
            Ok(command)
        })?;
        let Place::Tcp(port) = place else { return Err("nginx has a port".to_owned()) };
        Ok(Self { child, port, directory })
    }

    /// Of a file that lies beside the payload.
    pub fn url(&self, file: &Path) -> String {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        format!("http://127.0.0.1:{}/{name}", self.port)
    }

    pub fn stop(self) -> Result<(), String> {
        self.child.stop(|status: ExitStatus| status.success())?;
        fs::remove_dir_all(self.directory).map_err(words)
    }
}

/// The version, as it says it; `None` if it is not there.
pub fn version() -> Option<String> {
    let output = program().arg("-v").output().ok()?;
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    Some(text.trim().rsplit_once(' ')?.1.to_owned())
}

fn program() -> Command {
    Command::new(if Path::new(SBIN).is_file() { SBIN } else { "nginx" })
}

fn text(directory: &Path, root: &Path, place: &Place) -> String {
    let (own, root) = (directory.display(), root.display());
    let writable: Vec<_> = WRITABLE.iter().map(|name| format!("  {name}_temp_path \"{own}/{name}\";\n")).collect();
    let writable = writable.concat();
    format!(
        "daemon off;\nmaster_process off;\npid \"{own}/pid\";\nerror_log stderr;\nevents {{}}\nhttp {{\n{writable}\
         \x20 access_log off;\n  sendfile on;\n  default_type application/octet-stream;\n\
         \x20 server {{ listen {}; root \"{root}\"; }}\n}}\n",
        place.bare().concat()
    )
}
