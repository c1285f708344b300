//! Which of descriptors 0 to 2 were open when the program was started.
//!
//! Before `main`, the standard library opens closed ones as /dev/null, and from then on nobody can tell
//! `<&-` from `</dev/null`. A function in the loader's list of initialisers runs before that and writes
//! down what it finds. Where the loader has no such list that we know, all three count as open.

use std::sync::atomic::{AtomicU8, Ordering};

/// Bit N is set if descriptor N was closed.
static CLOSED: AtomicU8 = AtomicU8::new(0);

/// Whether standard descriptor `number` (0, 1 or 2) was closed at start.
pub fn was_closed(number: u8) -> bool {
    CLOSED.load(Ordering::Relaxed) & (1 << number) != 0
}

/// Runs before the standard library does: may use nothing of it that needs set-up.
extern "C" fn record() {
    for number in 0..3_u8 {
        #[expect(unsafe_code, reason = "F_GETFD reads no memory of ours and fails on a closed descriptor")]
        let flags = unsafe { libc::fcntl(i32::from(number), libc::F_GETFD) };
        if flags == -1 {
            CLOSED.fetch_or(1 << number, Ordering::Relaxed);
        }
    }
}

#[expect(
    unsafe_code,
    reason = "a function pointer in the section that the loader calls through, as ELF and Mach-O define it"
)]
#[used]
#[cfg_attr(target_vendor = "apple", unsafe(link_section = "__DATA,__mod_init_func"))]
#[cfg_attr(all(unix, not(target_vendor = "apple")), unsafe(link_section = ".init_array"))]
static RECORD: extern "C" fn() = record;
