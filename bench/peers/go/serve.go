package main

import (
	"fmt"
	"net"
	"os"
	"runtime"
	"syscall"
	"time"
)

func listenAnywhere() net.Listener {
	listener, failed := net.Listen("tcp4", "127.0.0.1:0")
	if failed != nil {
		fmt.Fprintln(os.Stderr, failed)
		os.Exit(2)
	}
	fmt.Println("port", listener.Addr().(*net.TCPAddr).Port)
	return listener
}

func answerAll(peer net.Conn) {
	defer peer.Close()
	room := make([]byte, 8192)
	for {
		got, failed := peer.Read(room)
		if failed != nil {
			return
		}
		if _, failed = peer.Write(room[:got]); failed != nil {
			return
		}
	}
}

func serve(listener net.Listener) {
	for {
		peer, failed := listener.Accept()
		if failed != nil {
			os.Exit(2)
		}
		go answerAll(peer)
	}
}

func echoServer() { serve(listenAnywhere()) }

func compute(givesWay bool) {
	for i := 0; i < 100; i++ {
		for begun := wallNs(); wallNs()-begun < 100000; {
		}
		if givesWay {
			runtime.Gosched()
		}
	}
}

func boundServer() {
	go serve(listenAnywhere())
	runtime.LockOSThread()
	syscall.RawSyscall(syscall.SYS_PRCTL, 29, 1, 0)
	atOnce := values["mode"] == "at_once"
	period := 50 * time.Millisecond
	if atOnce {
		period = 100 * time.Millisecond
	}
	for next := wallNs(); ; next += int64(period) {
		if left := next - wallNs(); left > 0 {
			sleepNs(left)
		}
		go compute(atOnce)
		if atOnce {
			go compute(atOnce)
		}
	}
}
