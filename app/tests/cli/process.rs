//! Runs the built binary with an environment and a directory of its own.

use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// How long a process may take to start or stop on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A directory to run commands in; nothing of the user's environment gets in.
pub(crate) struct Place(TempDir);

/// What a command that ended by itself left.
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Place {
    pub(crate) fn new() -> Place {
        Place(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_seungin"));
        command.args(arguments).current_dir(self.path()).env_clear();
        command.stdin(Stdio::null());
        command
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        Ended::of(self.command(arguments).output().unwrap())
    }

    /// The same with something on its standard input.
    pub(crate) fn run_with_input(&self, arguments: &[&str], input: &str) -> Ended {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        Ended::of(child.wait_with_output().unwrap())
    }

    /// Starts the embedded product on free ports and waits until it is ready.
    pub(crate) fn start(&self) -> Running {
        self.start_with(&[])
    }

    /// The same with variables.
    pub(crate) fn start_with(&self, variables: &[(&str, &str)]) -> Running {
        self.start_as(&["--log", "warn"], variables)
    }

    /// The same with flags and variables.
    pub(crate) fn start_as(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Running {
        let ports = ["--listen", "127.0.0.1:0", "--simulator-listen", "127.0.0.1:0"];
        let mut command = self.command(&[&ports, arguments].concat());
        command.envs(variables.iter().copied());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = read_lines(child.stdout.take().unwrap());
        let log = read_lines(child.stderr.take().unwrap());
        let mut running = Running {
            child: Some(child),
            lines,
            log,
            banner: String::new(),
            api: String::new(),
            simulator: None,
        };
        while !running.banner.contains("Ctrl-C stops") {
            match running.lines.recv_timeout(PATIENCE) {
                Ok(line) => running.banner.push_str(&format!("{line}\n")),
                Err(_) => panic!("it did not start: {}", running.kill().stderr),
            }
        }
        let entry = |name: &str| {
            let value = running.banner.lines().find_map(|line| line.trim().strip_prefix(name));
            value.map(|value| {
                value.trim().trim_end_matches("/_sim").trim_end_matches('/').to_owned()
            })
        };
        (running.api, running.simulator) = (entry("Demo shop").unwrap(), entry("Simulator"));
        running
    }

    /// The demo master's token.
    pub(crate) fn master_token(&self) -> String {
        let text = std::fs::read_to_string(self.path().join(".seungin/demo.json")).unwrap();
        let demo: Value = serde_json::from_str(&text).unwrap();
        let staff = demo["staff"].as_array().unwrap();
        let master = staff.iter().find(|member| member["role"] == "master").unwrap();
        master["token"].as_str().unwrap().to_owned()
    }
}

/// A process that runs until it is told to stop; killed at the latest when this is dropped.
pub(crate) struct Running {
    child: Option<Child>,
    /// What it writes to stdout after the banner.
    lines: Receiver<String>,
    /// What it writes to stderr.
    log: Receiver<String>,
    pub(crate) banner: String,
    pub(crate) api: String,
    pub(crate) simulator: Option<String>,
}

impl Running {
    /// Sends a signal by its name, such as `INT`.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.as_ref().unwrap().id().to_string();
        let sent =
            Command::new("sh").args(["-c", &format!("kill -{name} {pid}")]).status().unwrap();
        assert!(sent.success());
    }

    /// Asks it to stop and waits for its end.
    pub(crate) fn stop(self) -> Ended {
        self.signal("INT");
        self.wait()
    }

    /// Whether it has not ended.
    pub(crate) fn is_running(&mut self) -> bool {
        self.child.as_mut().unwrap().try_wait().unwrap().is_none()
    }

    /// Waits for its end.
    pub(crate) fn wait(mut self) -> Ended {
        let mut child = self.child.take().unwrap();
        let began = Instant::now();
        while child.try_wait().unwrap().is_none() {
            if began.elapsed() > PATIENCE {
                child.kill().unwrap();
                panic!("it did not stop: {}", self.ended(child).stderr);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        self.ended(child)
    }

    /// Ends it as a power cut would.
    pub(crate) fn kill(&mut self) -> Ended {
        let mut child = self.child.take().unwrap();
        // It may have ended already.
        drop(child.kill());
        self.ended(child)
    }

    fn ended(&self, child: Child) -> Ended {
        let ended = Ended::of(child.wait_with_output().unwrap());
        let rest = |lines: &Receiver<String>| -> String {
            lines.iter().map(|line| format!("{line}\n")).collect()
        };
        let stdout = format!("{}{}", self.banner, rest(&self.lines));
        Ended { stdout, stderr: rest(&self.log), ..ended }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.child.is_some() {
            self.kill();
        }
    }
}

/// Reads a pipe in a thread of its own, so that waiting for a line has an end.
fn read_lines(pipe: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, lines) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let read = BufReader::new(pipe).lines().map_while(Result::ok);
        // Until the pipe ends, or nobody listens any more.
        for line in read {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    lines
}

impl Ended {
    fn of(output: Output) -> Ended {
        Ended {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Insists on the exit code.
    pub(crate) fn expect(self, code: i32) -> Ended {
        assert_eq!(self.code, Some(code), "stdout: {}\nstderr: {}", self.stdout, self.stderr);
        self
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|_| panic!("no JSON: {}", self.stdout))
    }
}
