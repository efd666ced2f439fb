//! Where on this machine is what the Compose file names: addresses of services, and files in containers.

use super::compose::Service;
use anyhow::{Result, ensure};
use std::collections::BTreeMap;

/// What is written in the Compose file, and what stands for it here.
#[derive(Clone, Default)]
pub(crate) struct Here {
    pairs: Vec<(String, String)>,
    services: Vec<String>,
}

impl Here {
    /// Nothing is known yet of these services.
    pub(crate) fn new<'n>(services: impl Iterator<Item = &'n str>) -> Self {
        Self { pairs: vec![], services: services.map(str::to_owned).collect() }
    }

    /// Says what stands for something.
    pub(crate) fn put(&mut self, written: &str, here: &str) {
        self.pairs.push((written.to_owned(), here.to_owned()));
    }

    /// The service's variables, as they are here.
    pub(crate) fn environment(&self, service: &Service) -> Result<BTreeMap<String, String>> {
        let variables = service.environment.iter();
        variables.map(|(name, value)| Ok((name.clone(), self.text(value)?))).collect()
    }

    /// What the service's program is told, its files by their places here.
    pub(crate) fn command(&self, service: &Service) -> Result<Vec<String>> {
        let file = |word: &String| {
            let found = service.files.iter().find(|(there, _)| there == word);
            found.map_or_else(|| self.text(word), |(_, here)| Ok(here.display().to_string()))
        };
        service.command.iter().map(file).collect()
    }

    /// What asks the service whether it is well.
    pub(crate) fn health(&self, service: &Service) -> Result<Vec<String>> {
        service.health.iter().map(|word| self.text(word)).collect()
    }

    fn text(&self, written: &str) -> Result<String> {
        let here = self.pairs.iter().fold(written.to_owned(), |text, (from, to)| text.replace(from, to));
        for service in &self.services {
            let named = here.split(['/', '@', ',']).any(|part| {
                let port = part.strip_prefix(service.as_str()).and_then(|rest| rest.strip_prefix(':'));
                port.is_some_and(|port| port.starts_with(|digit: char| digit.is_ascii_digit()))
            });
            ensure!(!named, "nothing here stands for the service {service} in `{written}`");
        }
        Ok(here)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    fn service() -> Service {
        Service {
            environment: BTreeMap::from([("URL".to_owned(), "postgres://u@db:5432/u".to_owned())]),
            command: vec!["serve".to_owned(), "/etc/a.toml".to_owned()],
            files: vec![("/etc/a.toml".to_owned(), PathBuf::from("/repo/a.toml"))],
            health: vec!["ask".to_owned(), "/dev/tcp/127.0.0.1/8000".to_owned()],
            replicas: 1,
        }
    }

    #[test]
    fn addresses_and_files_are_those_of_this_machine() {
        let mut here = Here::new(["db", "api"].into_iter());
        here.put("db:5432", "127.0.0.1:77");
        here.put("/127.0.0.1/8000", "/127.0.0.1/99");
        assert_eq!(here.environment(&service()).unwrap()["URL"], "postgres://u@127.0.0.1:77/u");
        assert_eq!(here.command(&service()).unwrap(), ["serve", "/repo/a.toml"]);
        assert_eq!(here.health(&service()).unwrap(), ["ask", "/dev/tcp/127.0.0.1/99"]);
    }

    #[test]
    fn a_service_that_is_nowhere_here_is_told() {
        let error = Here::new(["db"].into_iter()).environment(&service()).unwrap_err().to_string();
        assert_eq!(error, "nothing here stands for the service db in `postgres://u@db:5432/u`");
    }
}
