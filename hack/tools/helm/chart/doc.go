// Command chart generates the parts of config/chart that derive from other files: the kinds and the rules of the roles from
// config/crd and config/rbac, the alerts from config/prometheus, the dashboard from config/grafana, the schema of the values and
// their table in README.md from the comments in values.yaml.
// It is run by `make chart`, with the root of the repository as its argument. Helm itself is pinned beside it.
package main
