package main

import (
	"fmt"
	"os"
	"runtime"
	"sync"
)

const yielders, group = 100, 1000

// Measures once(n) and counts what it allocates after the warm-up.
func measureSteady(once func(n int)) {
	n := number("n", 100000)
	runs := 0
	var before, after runtime.MemStats
	measure(n, func() {
		if runs == 1 {
			runtime.ReadMemStats(&before)
		}
		runs++
	}, func() { once(n) })
	runtime.ReadMemStats(&after)
	fmt.Printf("allocations %.3f\n", float64(after.Mallocs-before.Mallocs)*1000/float64(n*(runs-1)))
}

func spawnJoin() {
	done := make(chan struct{}, 1)
	finish := func() { done <- struct{}{} }
	measureSteady(func(n int) {
		for ; n > 0; n-- {
			go finish()
			<-done
		}
	})
}

func giveWay() {
	measureSteady(func(n int) {
		var all sync.WaitGroup
		all.Add(yielders)
		for i := 0; i < yielders; i++ {
			go func() {
				for left := n / yielders; left > 0; left-- {
					runtime.Gosched()
				}
				all.Done()
			}()
		}
		all.Wait()
	})
}

func channel() {
	measureSteady(func(n int) {
		there, back := make(chan int, 1), make(chan int, 1)
		go func() {
			for got := range there {
				back <- got
			}
		}()
		for i := 0; i < n; i += 2 {
			there <- i
			if <-back != i {
				os.Exit(2)
			}
		}
		close(there)
	})
}

func whenAll() {
	measureSteady(func(n int) {
		for ; n > 0; n -= group {
			var all sync.WaitGroup
			all.Add(group)
			for i := 0; i < group; i++ {
				go all.Done()
			}
			all.Wait()
		}
	})
}
