//! The command line itself.

use std::process::{Command, Output};

use crate::support::loadline;

fn run(arguments: &[String]) -> Output {
    let mut command: Command = loadline();
    command.args(arguments).output().expect("the program runs")
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).expect("text")
}

/// The help of the command `path`, and of all below it.
fn walk(path: &[String], seen: &mut Vec<String>) {
    let output = run(&[path, &["--help".to_owned()]].concat());
    let (help, name) = (text(output.stdout), path.join(" "));
    assert!(output.status.success(), "{name}: {}", text(output.stderr));
    assert!(help.contains(&format!("\nUsage: loadline {name}").trim_end().to_owned()), "{help}");
    let about = help.lines().next().unwrap_or_default();
    assert!(about.len() > 10 && !about.ends_with('.'), "{name} says {about:?} of itself");
    seen.push(name);
    let commands = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    for line in commands.take_while(|line| !line.is_empty()) {
        // Continued descriptions are indented further.
        let name = line.strip_prefix("  ").filter(|rest| !rest.starts_with(' '));
        let name = name.and_then(|rest| rest.split_whitespace().next());
        if let Some(name) = name.filter(|name| *name != "help") {
            walk(&[path, &[name.to_owned()]].concat(), seen);
        }
    }
}

#[test]
fn every_command_has_help() {
    let mut seen = Vec::new();
    walk(&[], &mut seen);
    assert!(seen.contains(&"workload serve".to_owned()), "{seen:?}");
}

#[test]
fn a_wrong_command_line_ends_with_2_and_says_what_is_right() {
    for (arguments, expected) in [
        (&["workloda"][..], "similar subcommand exists: 'workload'"),
        (&["workload", "burn", "--cpu.cores", "-1"], "unexpected argument '-1'"),
        (&["workload", "burn", "--cpu.cores=-1"], "expected a number from 0 to 1024"),
        (&["workload", "serve", "--web.listen-address=8080"], "expected HOST:PORT"),
        (&["workload", "load", "nonsense"], "relative URL without a base"),
    ] {
        let arguments: Vec<String> = arguments.iter().map(|a| (*a).to_owned()).collect();
        let output = run(&arguments);
        let stderr = text(output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {stderr}");
        assert!(stderr.contains(expected), "{arguments:?}: {stderr}");
    }
}

#[test]
fn a_failed_command_ends_with_1_and_one_line() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address");
    let listen = format!("--web.listen-address={address}");
    let output = run(&["workload".to_owned(), "serve".to_owned(), listen]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        text(output.stderr),
        format!(
            "loadline: error: cannot listen on {address}: Address already in use (os error 98)\n"
        )
    );
}
