//! Child processes that are killed and reaped when their guard is dropped, or when the tests die.

use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{LazyLock, Mutex, mpsc};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, set_parent_process_death_signal};
use tempfile::TempDir;

use super::wait_for;

/// The command `loadline` as built for these tests, without arguments.
pub fn loadline() -> Command {
    Command::new(env!("CARGO_BIN_EXE_loadline"))
}

/// A running child process.
pub struct Process {
    name: String,
    child: Child,
    /// Holds the files `stdout` and `stderr`.
    output: TempDir,
}

impl Process {
    /// Starts `command`. `name` stands in messages.
    pub fn spawn(name: &str, mut command: Command) -> Self {
        let output = TempDir::new().expect("a temporary folder");
        let file = |name: &str| File::create(output.path().join(name)).expect("an output file");
        command.stdin(Stdio::null()).stdout(file("stdout")).stderr(file("stderr"));
        let child = spawn_bound(command).unwrap_or_else(|e| panic!("cannot start {name}: {e}"));
        Self { name: name.to_owned(), child, output }
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends `signal`.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal)
            .unwrap_or_else(|e| panic!("cannot signal {}: {e}", self.name));
    }

    /// Waits until the process has ended by itself.
    pub async fn wait_exit(&mut self, deadline: Duration) -> ExitStatus {
        let what = format!("{} to end", self.name);
        let child = &mut self.child;
        wait_for(&what, deadline, async || match child.try_wait() {
            Ok(Some(status)) => Ok(status),
            Ok(None) => Err("still running".to_owned()),
            Err(e) => Err(e.to_string()),
        })
        .await
    }

    /// Waits for a line on stderr that contains `needle`, and gives the line.
    /// Fails at once where the process has ended without it.
    pub async fn wait_line(&mut self, needle: &str, deadline: Duration) -> String {
        let what = format!("{} to write {needle:?}", self.name);
        let found = wait_for(&what, deadline, async || {
            let ended = self.child.try_wait().map_err(|e| e.to_string())?;
            let text = self.stderr();
            match (text.lines().find(|line| line.contains(needle)), ended) {
                (Some(line), _) => Ok(Ok(line.to_owned())),
                (None, Some(status)) => Ok(Err(format!("{status}, stderr:\n{text}"))),
                (None, None) => Err(text),
            }
        })
        .await;
        found.unwrap_or_else(|end| panic!("{} ended without {needle:?}: {end}", self.name))
    }

    /// Waits until `loadline` has logged the address it serves on, and gives that address.
    pub async fn wait_address(&mut self, deadline: Duration) -> String {
        let line = self.wait_line("address=", deadline).await;
        let (_, rest) = line.split_once("address=").expect("the line was found by it");
        rest.split_whitespace().next().expect("a value").trim_matches('"').to_owned()
    }

    /// All that was written to stdout so far.
    pub fn stdout(&self) -> String {
        fs::read_to_string(self.output.path().join("stdout")).expect("stdout is kept as text")
    }

    /// All that was written to stderr so far.
    pub fn stderr(&self) -> String {
        fs::read_to_string(self.output.path().join("stderr")).expect("stderr is kept as text")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Only errors where the process has ended and been reaped: what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- stderr of {} ---\n{}", self.name, self.stderr());
        }
    }
}

type Order = (Command, mpsc::Sender<std::io::Result<Child>>);

/// Starts `command` so that it dies with the tests, however they end.
///
/// The kernel sends the death signal when the *thread* that forked ends, and each test has a thread of
/// its own; so one thread that lives as long as the tests starts all children.
fn spawn_bound(mut command: Command) -> std::io::Result<Child> {
    static SPAWNER: LazyLock<Mutex<mpsc::Sender<Order>>> = LazyLock::new(|| {
        let (orders, inbox) = mpsc::channel::<Order>();
        std::thread::spawn(move || {
            for (mut command, answer) in inbox {
                // An error means that the test that ordered has gone.
                let _ = answer.send(command.spawn());
            }
        });
        Mutex::new(orders)
    });
    // SAFETY: between fork and exec only prctl(2) is called, which is async-signal-safe, and nothing
    // is allocated.
    unsafe {
        command.pre_exec(|| Ok(set_parent_process_death_signal(Some(Signal::KILL))?));
    }
    let (sender, answer) = mpsc::channel();
    let order = SPAWNER.lock().expect("never poisoned").send((command, sender));
    order.expect("the spawner lives as long as the tests");
    answer.recv().expect("the spawner answers")
}
