package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// configFiles gives the files of a folder that OpenTofu reads as configuration, in the order that it reads them: first
// those that declare, then those that override what is declared (its internal/configs, Parser.dirFiles).
func configFiles(folder string) (primary, override []string, err error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, nil, err
	}
	for _, entry := range entries {
		name := entry.Name()
		stem, ok := configStem(name)
		if entry.IsDir() || !ok || isIgnored(name) {
			continue
		}
		if stem == "override" || strings.HasSuffix(stem, "_override") {
			override = append(override, filepath.Join(folder, name))
		} else {
			primary = append(primary, filepath.Join(folder, name))
		}
	}
	if len(primary)+len(override) == 0 {
		return nil, nil, fmt.Errorf("%s holds no .tf file", folder)
	}
	return withoutShadowed(primary), withoutShadowed(override), nil
}

// configStem is the name without its extension; false for what is no configuration, tests (.tftest.hcl) among it.
func configStem(name string) (string, bool) {
	for _, extension := range []string{".tf", ".tf.json", ".tofu", ".tofu.json"} {
		if stem, ok := strings.CutSuffix(name, extension); ok {
			return stem, true
		}
	}
	return "", false
}

// isIgnored tells hidden files and what editors leave.
func isIgnored(name string) bool {
	return strings.HasPrefix(name, ".") || strings.HasSuffix(name, "~") ||
		strings.HasPrefix(name, "#") && strings.HasSuffix(name, "#")
}

// withoutShadowed leaves out each a.tf that has an a.tofu beside it, and each a.tf.json that has an a.tofu.json.
func withoutShadowed(paths []string) []string {
	return slices.DeleteFunc(slices.Clone(paths), func(path string) bool {
		for _, extension := range []string{".tf", ".tf.json"} {
			if stem, ok := strings.CutSuffix(path, extension); ok {
				return slices.Contains(paths, stem+strings.Replace(extension, ".tf", ".tofu", 1))
			}
		}
		return false
	})
}
