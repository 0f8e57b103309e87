//! A real Prometheus scrapes the real exporter through all that a web configuration file can ask for.

use std::fs;
use std::process::Command;

use tempfile::TempDir;

use super::authority::Authority;
use crate::support::{PATIENCE, Process, Prometheus, http_get, loadline, wait_for};

#[tokio::test]
async fn by_tls_password_and_client_certificate() {
    let folder = TempDir::new().expect("a folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    let authority = Authority::new("authority");
    authority.server().write(folder.path(), "server");
    authority
        .client(&["prometheus.example".try_into().map(rcgen::SanType::DnsName).expect("a name")])
        .write(folder.path(), "client");
    fs::write(path("ca.crt"), &authority.pem).expect("written");
    fs::write(path("password"), "secret").expect("written");
    let hash = bcrypt::hash("secret", 6).expect("hashed");
    let web = format!(
        "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n  \
         client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.crt\n  \
         client_allowed_sans: [prometheus.example]\n\
         basic_auth_users:\n  prometheus: '{hash}'\n"
    );
    fs::write(path("web.yml"), web).expect("written");

    let mut command = loadline();
    command.args(["exporter", "--web.listen-address=127.0.0.1:0", "--web.config.file"]);
    command.arg(path("web.yml"));
    let mut exporter = Process::spawn("exporter", command);
    let line = exporter.wait_line("address=", PATIENCE).await;
    assert!(line.contains("open https://127.0.0.1:"), "{line}");
    let address = exporter.wait_address(PATIENCE).await;

    let job = |name: &str, extra: &str| {
        format!(
            "- job_name: {name}\n  scheme: https\n  static_configs: [{{targets: ['{address}']}}]\n  \
             {extra}\n  tls_config:\n    ca_file: {}\n",
            path("ca.crt")
        )
    };
    let certificate =
        format!("    cert_file: {}\n    key_file: {}\n", path("client.crt"), path("client.key"));
    let basic =
        format!("basic_auth: {{username: prometheus, password_file: {}}}", path("password"));
    let config = format!(
        "global: {{scrape_interval: 1s, scrape_timeout: 1s}}\nscrape_configs:\n{}{certificate}{}{}{certificate}",
        job("whole", &basic),
        job("no_certificate", &basic),
        job("no_password", "enable_http2: false"),
    );
    fs::write(path("prometheus.yml"), &config).expect("written");
    let checked =
        Command::new("promtool").args(["check", "config", &path("prometheus.yml")]).output();
    let checked = checked.expect("promtool is installed");
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));

    let prometheus = Prometheus::start(&config, "").await;
    let value = async |query: &str| {
        let url = format!("{}/api/v1/query?query={query}", prometheus.url);
        let reply = http_get(&url).await?;
        let json: serde_json::Value =
            serde_json::from_slice(&reply.body).map_err(|e| e.to_string())?;
        let value = json["data"]["result"][0]["value"][1].as_str().map(str::to_owned);
        value.ok_or_else(|| reply.text().to_owned())
    };
    let whole = "up{job=\"whole\"}";
    wait_for("a scrape", PATIENCE, async || match value(whole).await?.as_str() {
        "1" => Ok(()),
        other => Err(other.to_owned()),
    })
    .await;
    for job in ["no_certificate", "no_password"] {
        let query = format!("up{{job=\"{job}\"}}");
        let up = wait_for(job, PATIENCE, async || value(&query).await).await;
        assert_eq!(up, "0", "{job}");
    }
    let series = value("count({job=\"whole\"})").await.expect("series");
    assert!(series.parse::<f64>().expect("a number") > 10.0, "{series}");

    // A new certificate of the server's, while Prometheus keeps scraping.
    let before = value("timestamp(up{job=\"whole\"})").await.expect("a time");
    authority.server().write(folder.path(), "server");
    exporter.wait_line("new web settings are in force", PATIENCE).await;
    wait_for("a later scrape", PATIENCE, async || {
        let now = value("timestamp(up{job=\"whole\"})").await?;
        let (now, before): (f64, f64) = (now.parse().expect("s"), before.parse().expect("s"));
        if now > before + 1.5 && value(whole).await? == "1" { Ok(()) } else { Err(now.to_string()) }
    })
    .await;
}
