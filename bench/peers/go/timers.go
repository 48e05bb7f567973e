package main

import (
	"fmt"
	"os"
	"sort"
	"sync"
	"time"
)

var randomState uint64 = 0x9e3779b97f4a7c15

func random() uint64 {
	randomState ^= randomState << 13
	randomState ^= randomState >> 7
	randomState ^= randomState << 17
	return randomState
}

func far() time.Duration { return time.Duration(10000000000 + random()%50000000000) }

func nobody() {}

func armCancel() {
	whole := number("n", 1000000)
	for _, n := range []int{whole / 10, whole} {
		all := make([]*time.Timer, n)
		cpu, begin := cpuNs(), wallNs()
		for i := range all {
			all[i] = time.AfterFunc(far(), nobody)
		}
		armed := wallNs()
		for i := range all {
			if i%100 != 0 {
				all[i].Stop()
			}
		}
		end, spent := wallNs(), cpuNs()-cpu
		for i := 0; i < n; i += 100 {
			all[i].Stop()
		}
		if n == whole {
			fmt.Printf("arm_ns %.3f\n", float64(armed-begin)/float64(n))
			fmt.Printf("cancel_ns %.3f\n", float64(end-armed)/(float64(n)*0.99))
			fmt.Printf("cpu_ns %.3f\n", float64(spent)/float64(n))
		}
	}
}

func rearm() {
	n := number("n", 1000000)
	all := make([]*time.Timer, n)
	for i := range all {
		all[i] = time.AfterFunc(far(), nobody)
	}
	cpu, begin := cpuNs(), wallNs()
	times := n / 4
	for i := 0; i < times; i++ {
		all[random()%uint64(n)].Reset(far())
	}
	fmt.Printf("wall_ns %.3f\n", float64(wallNs()-begin)/float64(times))
	fmt.Printf("cpu_ns %.3f\n", float64(cpuNs()-cpu)/float64(times))
}

func expire() {
	const lead, window = 400000000, 500000000
	n := number("n", 1000000)
	expiring := n / 10
	others := make([]*time.Timer, n-expiring)
	for i := range others {
		others[i] = time.AfterFunc(far(), nobody)
	}
	late := make([]int64, expiring)
	var expired sync.WaitGroup
	expired.Add(expiring)
	first := wallNs() + lead
	for i := range late {
		i, due := i, first+int64(random()%window)
		time.AfterFunc(time.Duration(due-wallNs()), func() {
			late[i] = wallNs() - due
			expired.Done()
		})
	}
	if wallNs() > first {
		fmt.Fprintln(os.Stderr, "too slow to arm")
		os.Exit(2)
	}
	cpu := cpuNs()
	expired.Wait()
	fmt.Printf("cpu_ns %.3f\n", float64(cpuNs()-cpu)/float64(expiring))
	sort.Slice(late, func(a, b int) bool { return late[a] < late[b] })
	fmt.Printf("p50_ns %d\np99_ns %d\nmax_ns %d\n", late[expiring/2], late[expiring*99/100], late[expiring-1])
}
