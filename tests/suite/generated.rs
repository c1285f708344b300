//! The committed completions and man pages are what the binary generates. To make them anew:
//! `UPDATE=1 cargo test --test suite generated`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{run, sockkit};

/// Each kind and the file that it is committed as.
const FILES: &[(&str, &str)] = &[
    ("bash", "completions/sockkit.bash"),
    ("zsh", "completions/_sockkit"),
    ("fish", "completions/sockkit.fish"),
    ("powershell", "completions/sockkit.ps1"),
    ("elvish", "completions/sockkit.elv"),
    ("man", "man/sockkit.1"),
    ("man-listen", "man/sockkit-listen.1"),
    ("man-connect", "man/sockkit-connect.1"),
    ("man-udp-send", "man/sockkit-udp-send.1"),
    ("man-udp-recv", "man/sockkit-udp-recv.1"),
    ("man-get", "man/sockkit-get.1"),
    ("man-echo-server", "man/sockkit-echo-server.1"),
];

fn committed(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(file)
}

#[test]
fn committed_files_are_what_is_generated() {
    for (kind, file) in FILES {
        let made = run(&mut sockkit(["--generate", kind]), b"").expect(0).text();
        if std::env::var_os("UPDATE").is_some() {
            fs::write(committed(file), &made).expect("the file can be written");
        }
        let kept = fs::read_to_string(committed(file)).unwrap_or_default();
        assert!(made == kept, "{file} is old: UPDATE=1 cargo test --test suite generated");
    }
}

#[test]
fn every_kind_has_its_file() {
    let listed = run(&mut sockkit(["--generate", "nothing"]), b"").expect(2).stderr;
    for (kind, _) in FILES {
        assert!(listed.contains(kind), "{kind}: {listed}");
    }
    assert_eq!(listed.matches("man").count(), FILES.iter().filter(|(kind, _)| kind.starts_with("man")).count());
}

#[test]
fn shells_can_read_their_completions() {
    for (shell, file) in
        [("bash", "completions/sockkit.bash"), ("zsh", "completions/_sockkit"), ("fish", "completions/sockkit.fish")]
    {
        let path = committed(file);
        match Command::new(shell).arg("-n").arg(&path).status() {
            Ok(status) => assert!(status.success(), "{shell} -n {file}"),
            Err(_) => eprintln!("skipped: {shell} is not installed"),
        }
    }
}

#[test]
fn every_page_tells_the_exit_codes_and_examples() {
    for (_, file) in FILES.iter().filter(|(kind, _)| kind.starts_with("man")) {
        let page = fs::read_to_string(committed(file)).expect("it is committed");
        for section in
            [".SH NAME", ".SH SYNOPSIS", ".SH OPTIONS", ".SH \"EXIT STATUS\"", ".SH EXAMPLES", ".SH \"SEE ALSO\""]
        {
            assert!(page.contains(section), "{file} has no {section}");
        }
    }
}
