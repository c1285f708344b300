//! A verb as a variant of the command line: its options are built when it is the one that is asked for, or when all
//! of them are to be printed.
//!
//! Of a start with every verb's options built, a quarter of the page faults was for those of the other five. Owns
//! nothing of what the options are.

use std::ops::Deref;

use clap::builder::Resettable;
use clap::{ArgMatches, Args, Command, Error, FromArgMatches, Id};

/// The options of one verb.
#[derive(Clone, Debug)]
pub struct Verb<T>(Box<T>);

impl<T> Deref for Verb<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: Args> Args for Verb<T> {
    fn group_id() -> Option<Id> {
        T::group_id()
    }

    fn augment_args(command: Command) -> Command {
        command.defer(|command| keep_about(command, T::augment_args))
    }

    fn augment_args_for_update(command: Command) -> Command {
        command.defer(|command| keep_about(command, T::augment_args_for_update))
    }
}

impl<T: FromArgMatches> FromArgMatches for Verb<T> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        T::from_arg_matches(matches).map(|options| Self(Box::new(options)))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        self.0.update_from_arg_matches(matches)
    }
}

/// What the verb does is said before: each group of options would put its own documentation in that place.
fn keep_about(command: Command, augment: fn(Command) -> Command) -> Command {
    let about = command.get_about().cloned().map_or(Resettable::Reset, Resettable::Value);
    augment(command).about(about).long_about(Resettable::Reset)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use crate::cli::Cli;

    #[test]
    fn options_are_built_with_their_verb_and_do_not_say_what_it_does() {
        let mut whole = Cli::command();
        let options = |whole: &clap::Command| {
            whole.get_subcommands().map(|verb| verb.get_arguments().count()).collect::<Vec<_>>()
        };
        let about = |whole: &clap::Command| {
            whole.get_subcommands().map(|verb| verb.get_about().map(ToString::to_string)).collect::<Vec<_>>()
        };
        let (before, said) = (options(&whole), about(&whole));
        whole.build();
        assert!(before.iter().all(|&count| count == 0), "{before:?}");
        assert!(options(&whole).iter().all(|&count| count > 10));
        assert_eq!(about(&whole), said);
    }
}
