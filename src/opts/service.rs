//! `--mode`: which of the old small services is played.

use clap::{Args, ValueEnum};

use super::dialogue::DialogueArgs;
use super::faults::{CHANCES, FaultArgs};
use crate::error::Error;
use crate::serve::partner::Partner;
use crate::serve::partner::service::Service;

/// The service.
#[derive(Args, Clone, Copy, Debug)]
pub struct ServiceArgs {
    /// Which service to play, RFC 862, 863, 864 or 867
    #[arg(long, value_name = "MODE", default_value = "echo", group = CHANCES)]
    mode: ModeArg,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ModeArg {
    Echo,
    Discard,
    Chargen,
    Daytime,
}

impl ServiceArgs {
    /// What the server plays, with `seed` for its dice; an error if the service has no use for an option.
    pub fn partner(&self, dialogue: &DialogueArgs, faults: &FaultArgs, seed: u64) -> Result<Partner, Error> {
        self.refuse(dialogue, faults)?;
        Ok(Partner {
            service: self.service(),
            dialogue: dialogue.dialogue(),
            faults: faults.faults(),
            seed,
            print: dialogue.prints(),
            ..Partner::default()
        })
    }

    fn service(self) -> Service {
        match self.mode {
            ModeArg::Echo => Service::Echo,
            ModeArg::Discard => Service::Discard,
            ModeArg::Chargen => Service::Chargen,
            ModeArg::Daytime => Service::Daytime,
        }
    }

    /// Only an echo listens, and discard says nothing that could go wrong.
    fn refuse(self, dialogue: &DialogueArgs, faults: &FaultArgs) -> Result<(), Error> {
        let listens = self.mode == ModeArg::Echo;
        let speaks = self.mode != ModeArg::Discard;
        let unheard = dialogue.given().chain(faults.on_input()).filter(|_| !listens);
        let unsaid = faults.on_answers().filter(|_| !speaks);
        match unheard.chain(unsaid).next() {
            Some(option) => {
                let mode = format!("{:?}", self.mode).to_lowercase();
                Err(Error::usage(format!("{option} means nothing for --mode {mode}")))
            }
            None => Ok(()),
        }
    }
}
