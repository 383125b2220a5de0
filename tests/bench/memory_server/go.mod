module stratus.dev/bench/memoryserver

go 1.26.0
