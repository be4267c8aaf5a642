//! `seungin` in one of its roles, or with a command that ends by itself: with the variables that it is given and no others.

use std::process::Command;

use crate::crash::{Trap, armed_binary};
use crate::process::Process;
use crate::product::{Home, behind};

/// Variables of the environment.
pub type Variables = Vec<(String, String)>;

/// How a command ended.
#[derive(Debug)]
pub struct Finished {
    /// Its exit code.
    pub code: i32,
    /// What it wrote, stdout and stderr as one.
    pub said: String,
}

impl Home {
    /// Starts a process that runs on; its output is in `{name}.log`.
    #[must_use]
    pub fn start_role(&self, name: &str, arguments: &[&str], variables: &Variables) -> Process {
        self.start_wrapped(&[], name, arguments, variables)
    }

    /// The same behind another command, which is given the binary as its last word: `faketime -f +60s`.
    #[must_use]
    pub fn start_wrapped(
        &self,
        wrapper: &[&str],
        name: &str,
        arguments: &[&str],
        variables: &Variables,
    ) -> Process {
        self.start_command(behind(wrapper), name, arguments, variables)
    }

    /// Starts a process that runs on until it dies in the trap.
    #[must_use]
    pub fn start_role_over_trap(
        &self,
        name: &str,
        arguments: &[&str],
        variables: &Variables,
        trap: &Trap,
    ) -> Process {
        let command = Command::new(armed_binary());
        let (trap, file) = trap.variable();
        let mut variables = variables.clone();
        variables.push((trap.to_owned(), file.display().to_string()));
        self.start_command(command, name, arguments, &variables)
    }

    fn start_command(
        &self,
        mut command: Command,
        name: &str,
        arguments: &[&str],
        variables: &Variables,
    ) -> Process {
        command.args(arguments).current_dir(self.0.path()).env_clear();
        command.envs(variables.iter().map(|(name, value)| (name, value)));
        let missing = "install it from the system's packages, as `scripts/test` does";
        Process::start(command, self.0.path(), name, missing)
    }

    /// Runs a command to its end.
    #[must_use]
    pub fn finish(&self, name: &str, arguments: &[&str], variables: &Variables) -> Finished {
        let mut process = self.start_role(name, arguments, variables);
        let (code, _) = process.wait_for_end();
        Finished { code, said: process.said() }
    }
}
