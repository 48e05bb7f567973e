// The rows of bench/workload for goroutines, with the same figures. Go has no pool to submit to: `go` is its post.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sort"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

const insertionLimit = 32

var values = map[string]string{}

func number(key string, otherwise int) int {
	if text, given := values[key]; given {
		if parsed, err := strconv.Atoi(text); err == nil {
			return parsed
		}
	}
	return otherwise
}

func readClock(clock uintptr) int64 {
	var now syscall.Timespec
	syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, clock, uintptr(unsafe.Pointer(&now)), 0)
	return now.Nano()
}

var begin = time.Now()

// The runtime's own clock needs no system call, a raw one from Go does.
func wallNs() int64 { return int64(time.Since(begin)) }
func cpuNs() int64  { return readClock(2) }

func sleepNs(ns int64) {
	wait := syscall.NsecToTimespec(ns)
	syscall.Nanosleep(&wait, nil)
}

func median(all []float64) float64 {
	sort.Float64s(all)
	return all[len(all)/2]
}

func measure(operations int, before func(), once func()) {
	reps := number("reps", 3)
	var walls, cpus []float64
	for i := 0; i <= reps; i++ {
		before()
		cpu, wall := cpuNs(), wallNs()
		once()
		wallSpent, cpuSpent := wallNs()-wall, cpuNs()-cpu
		if i > 0 || reps == 0 {
			walls = append(walls, float64(wallSpent)/float64(operations))
			cpus = append(cpus, float64(cpuSpent)/float64(operations))
		}
	}
	fmt.Printf("wall_ns %.3f\ncpu_ns %.3f\n", median(walls), median(cpus))
}

func nothing() {}

func spawnAll(n int, finished *sync.WaitGroup) {
	for i := 0; i < n; i++ {
		go finished.Done()
	}
}

func emptyOutside() {
	n := number("n", 1000000)
	measure(n, nothing, func() {
		var finished sync.WaitGroup
		finished.Add(n)
		spawnAll(n, &finished)
		finished.Wait()
	})
}

func emptySpawned() {
	n := number("n", 1000000)
	measure(n, nothing, func() {
		var finished sync.WaitGroup
		finished.Add(n)
		go spawnAll(n, &finished)
		finished.Wait()
	})
}

func wake() {
	idle := int64(number("idle_us", 500)) * 1000
	samples := number("samples", 500)
	// The submitter has a thread of its own, as in every other contender.
	runtime.LockOSThread()
	syscall.RawSyscall(syscall.SYS_PRCTL, 29, 1, 0)
	var started int64
	var latencies []int64
	var cpu int64
	for i := 0; i < samples+samples/10; i++ {
		if i == samples/10 {
			cpu = cpuNs()
		}
		atomic.StoreInt64(&started, 0)
		submitted := wallNs()
		go func() { atomic.StoreInt64(&started, wallNs()) }()
		for atomic.LoadInt64(&started) == 0 {
			sleepNs(20000)
		}
		if i >= samples/10 {
			latencies = append(latencies, started-submitted)
		}
		sleepNs(idle)
	}
	fmt.Printf("cpu_ns %.3f\n", float64(cpuNs()-cpu)/float64(samples))
	sort.Slice(latencies, func(a, b int) bool { return latencies[a] < latencies[b] })
	at := func(quantile float64) int64 { return latencies[int(quantile*float64(len(latencies)-1)+0.5)] }
	fmt.Printf("p50_ns %d\np99_ns %d\n", at(0.50), at(0.99))
}

func trickle() {
	n := number("n", 20000)
	period := int64(number("period_us", 100)) * 1000
	runtime.LockOSThread()
	syscall.RawSyscall(syscall.SYS_PRCTL, 29, 1, 0)
	var finished sync.WaitGroup
	finished.Add(n)
	cpu, start := cpuNs(), wallNs()
	for i := 0; i < n; i++ {
		if left := start + int64(i)*period - wallNs(); left > 0 {
			sleepNs(left)
		}
		go func() {
			for begun := wallNs(); wallNs()-begun < 5000; {
			}
			finished.Done()
		}()
	}
	finished.Wait()
	fmt.Printf("cpu_ns %.3f\nwall_ns %.3f\n", float64(cpuNs()-cpu)/float64(n), float64(wallNs()-start)/float64(n))
}

func fillShuffled(all []int32) {
	for i := range all {
		all[i] = int32(i)
	}
	x := uint64(0x9e3779b97f4a7c15)
	for i := len(all); i > 1; i-- {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		j := x % uint64(i)
		all[i-1], all[j] = all[j], all[i-1]
	}
}

func insertionSort(all []int32) {
	for i := 1; i < len(all); i++ {
		moved := all[i]
		j := i
		for ; j > 0 && all[j-1] > moved; j-- {
			all[j] = all[j-1]
		}
		all[j] = moved
	}
}

func partition(all []int32) int {
	last := len(all) - 1
	pivot := all[last]
	smaller := 0
	for i := 0; i < last; i++ {
		if all[i] <= pivot {
			all[i], all[smaller] = all[smaller], all[i]
			smaller++
		}
	}
	all[last], all[smaller] = all[smaller], all[last]
	return smaller
}

func sortPart(all []int32, finished *sync.WaitGroup) {
	defer finished.Done()
	if len(all) <= insertionLimit {
		insertionSort(all)
		return
	}
	pivot := partition(all)
	finished.Add(2)
	go sortPart(all[:pivot], finished)
	go sortPart(all[pivot+1:], finished)
}

func quicksort() {
	all := make([]int32, number("n", 10000000))
	measure(1, func() { fillShuffled(all) }, func() {
		var finished sync.WaitGroup
		finished.Add(1)
		go sortPart(all, &finished)
		finished.Wait()
	})
	for i, value := range all {
		if value != int32(i) {
			fmt.Fprintln(os.Stderr, "not sorted at", i)
			os.Exit(1)
		}
	}
}

func costsOfOthers(own string) (cpu, switches int) {
	threads, _ := filepath.Glob("/proc/self/task/*")
	for _, thread := range threads {
		if filepath.Base(thread) == own {
			continue
		}
		stat, _ := os.ReadFile(thread + "/schedstat")
		ran, _ := strconv.Atoi(strings.SplitN(string(stat), " ", 2)[0])
		cpu += ran
		status, _ := os.ReadFile(thread + "/status")
		for _, line := range strings.Split(string(status), "\n") {
			if key, count, found := strings.Cut(line, ":"); found && strings.HasSuffix(key, "ctxt_switches") {
				counted, _ := strconv.Atoi(strings.TrimSpace(count))
				switches += counted
			}
		}
	}
	return
}

func idle() {
	runtime.LockOSThread()
	var finished sync.WaitGroup
	finished.Add(100000)
	spawnAll(100000, &finished)
	finished.Wait()
	own := strconv.Itoa(syscall.Gettid())
	sleepNs(int64(number("settle_ms", 100)) * 1000000)
	cpu, switches := costsOfOthers(own)
	sleepNs(int64(number("ms", 10000)) * 1000000)
	cpuAfter, switchesAfter := costsOfOthers(own)
	fmt.Printf("idle_cpu_ms %.3f\nswitches %d\n", float64(cpuAfter-cpu)/1e6, switchesAfter-switches)
}

func main() {
	rows := map[string]func(){
		"empty_outside": emptyOutside, "empty_spawned": emptySpawned, "wake": wake,
		"trickle": trickle, "quicksort": quicksort, "idle": idle,
		"echo_server": echoServer, "bound_server": boundServer, "http_fetch": httpFetch,
		"coroutine_spawn_join": spawnJoin, "coroutine_yield": giveWay, "coroutine_channel": channel,
		"coroutine_when_all": whenAll, "timers_arm_cancel": armCancel, "timers_rearm": rearm, "timers_expire": expire,
		"fib": fibRow, "queens": queens, "uts": uts, "cilksort": cilksort, "matmul": matmul,
	}
	if len(os.Args) < 2 || rows[os.Args[1]] == nil {
		os.Exit(3)
	}
	for _, word := range os.Args[2:] {
		if key, value, found := strings.Cut(word, "="); found {
			values[key] = value
		}
	}
	if pin, given := values["pin"]; given && pin != "none" {
		os.Exit(3)
	}
	runtime.GOMAXPROCS(number("workers", 2))
	rows[os.Args[1]]()
	status, _ := os.ReadFile("/proc/self/status")
	for _, line := range strings.Split(string(status), "\n") {
		if strings.HasPrefix(line, "VmHWM:") {
			fmt.Println("peak_kib", strings.Fields(line)[1])
		}
	}
}
