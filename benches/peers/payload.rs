//! The files of a run: a directory of its own, the payload in it, and the comparison with what came out.
//!
//! Under /dev/shm if that is there: a disk's speed is not the question, and a page cache that is written back in
//! the background is noise.

use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use tempfile::TempDir;

use crate::child;

/// Small, so that the bench's own resident set stays small: a child's peak starts with its parent's (exec(2) keeps it).
const BLOCK: usize = 1 << 16;

/// The directory of one run; gone with it, on SIGINT and SIGTERM too.
pub struct Scratch {
    directory: TempDir,
    pub payload: PathBuf,
    pub is_memory: bool,
}

impl Scratch {
    pub fn with_payload(size: u64) -> Result<Self, String> {
        let memory = Path::new("/dev/shm");
        let is_memory = memory.is_dir();
        let parent = if is_memory { memory.to_owned() } else { std::env::temp_dir() };
        let directory = tempfile::Builder::new().prefix("sockkit-peers-").tempdir_in(parent).map_err(words)?;
        child::remove_at_a_signal(directory.path());
        let payload = directory.path().join("payload");
        write_random(&payload, size).map_err(|e| format!("write {}: {e}", payload.display()))?;
        Ok(Self { directory, payload, is_memory })
    }

    /// A path that all runs use.
    pub fn shared_path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// A path that no run has used before.
    pub fn path(&self, name: &str) -> PathBuf {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        self.directory.path().join(format!("{name}-{}", NEXT.fetch_add(1, Ordering::Relaxed)))
    }
}

/// Whether `got` holds the bytes of the file `wanted`: no more, no less, no other.
pub fn compare(mut got: impl Read, wanted: &Path) -> Result<(), String> {
    let mut wanted = File::open(wanted).map_err(words)?;
    let (mut left, mut right, mut at) = (vec![0; BLOCK], vec![0; BLOCK], 0);
    loop {
        let (n, m) = (fill(&mut got, &mut left).map_err(words)?, fill(&mut wanted, &mut right).map_err(words)?);
        if left[..n] != right[..m] {
            let same = left[..n].iter().zip(&right[..m]).take_while(|(a, b)| a == b).count();
            return Err(format!("what came out differs from the payload at byte {}", at + same));
        }
        if n == 0 {
            return Ok(());
        }
        at += n;
    }
}

/// As much as there is room for, less only at the end.
pub fn fill(from: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match from.read(&mut buffer[filled..])? {
            0 => break,
            n => filled += n,
        }
    }
    Ok(filled)
}

/// xorshift64: no compression, no repetition, nothing that a comparison could miss.
fn write_random(path: &Path, size: u64) -> io::Result<()> {
    let mut file = BufWriter::with_capacity(BLOCK, File::create(path)?);
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for _ in 0..size / 8 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        file.write_all(&state.to_le_bytes())?;
    }
    file.flush()
}

pub fn remove(path: &Path) {
    // A peer may have removed its socket file itself.
    let _ = fs::remove_file(path);
}

#[expect(clippy::needless_pass_by_value, reason = "it is for map_err")]
pub fn words(error: io::Error) -> String {
    error.to_string()
}
