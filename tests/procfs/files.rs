//! All of it from a host of files, as people see it.

use loadline::exporter::{Collector, Options};
use loadline::metric_set::MetricSets;
use loadline::units::Timestamp;
use loadline::web::Format;

use super::SETS;
use crate::exporter::fixture::{Host, Layout, container_id};
use crate::golden;
use crate::support::promtool_is_silent;

#[test]
fn a_pod_of_two_containers() {
    let host = Host::new(Layout::V2);
    let (web, side) = (container_id(0xc0ffee), container_id(7));
    host.docker(&web, "web", "web:1", "");
    host.docker(&side, "side", "side:1", "");
    host.group(&format!("/docker/{side}"), 2);
    host.group(&format!("/docker/{web}"), 3);
    host.network(0, &[1]);
    host.network(1, &[2000, 3000]);
    for (pid, start) in [(2000, 900), (3000, 800)] {
        process(&host, pid, start);
    }
    let sets = SETS.into_iter().fold(MetricSets::NONE, MetricSets::with);
    let mut collector =
        Collector::new(Options { sets, ..host.options() }).expect("cgroups are there");
    collector.collect(Timestamp::from_millis(1_767_312_000_250));
    assert_eq!(collector.problems(), Vec::<&loadline::metric_set::Problem>::new());
    let text = |format| {
        let mut out = Vec::new();
        collector.render(format, &mut out).expect("in memory");
        let text = String::from_utf8(out).expect("UTF-8");
        // Only what procfs tells: the rest is golden elsewhere.
        let is_ours = |line: &&str| {
            [
                "container_network_",
                "container_cpu_schedstat_",
                "container_file_",
                "container_sockets",
                "container_ulimits_",
            ]
            .iter()
            .any(|family| line.contains(family))
        };
        text.lines().filter(is_ours).fold(String::new(), |all, line| all + line + "\n")
    };
    promtool_is_silent(&text(Format::Text));
    golden::compare("tests/golden/procfs.prom", &text(Format::Text));
    golden::compare("tests/golden/procfs.openmetrics", &text(Format::OpenMetrics));
}

/// Further files of a process.
fn process(host: &Host, pid: u32, start: u32) {
    let write = |name: &str, text: &str| host.write(&format!("proc/{pid}/{name}"), text);
    write("stat", &format!("{pid} (x y) S 1 7 7 0 -1 0 9 0 0 0 1 5 0 0 20 0 2 0 {start} 1 2 0\n"));
    write("limits", "Max open files            1024                 4096                 files\n");
    write(&format!("task/{pid}/schedstat"), &format!("{start}000000 2000000 7\n"));
    write(&format!("task/{}/schedstat", pid + 1), "1 1 1\n");
    std::fs::create_dir_all(host.path(&format!("proc/{pid}/fd"))).expect("mkdir");
    for (number, target) in [("0", "/dev/null"), ("1", "socket:[5]")] {
        std::os::unix::fs::symlink(target, host.path(&format!("proc/{pid}/fd/{number}")))
            .expect("link");
    }
    let titles = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt\n";
    let socket = |state: &str| {
        format!("0: 0100007F:1F90 00000000:0000 {state} 00000001:00000002 00:0 0 0 0 1 1 p 3\n")
    };
    write("net/tcp", &format!("{titles}{}{}{}", socket("0A"), socket("01"), socket("01")));
    write("net/udp", &format!("{titles}{}{}", socket("07"), socket("07")));
    write("net/udp6", titles);
    write(
        "net/snmp",
        "Tcp: RtoMin MaxConn InSegs\nTcp: 200 -1 2471851\nUdp: InDatagrams\nUdp: 1\n",
    );
    write("net/netstat", "TcpExt: TW ListenDrops\nTcpExt: 5 6\nIpExt: InOctets\nIpExt: 1\n");
}
