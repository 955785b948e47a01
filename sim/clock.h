// One cycle of a Verilated model whose registers all take the rising edge of clk.

#pragma once

#include "Vtop.h"
#include "Vtop___024root.h"

// What Vtop::eval calls, without the messages between threads that these models do not have: 4 % of
// the time. A Verilator that names it otherwise leaves it null.
__attribute__((weak)) void Vtop___024root___eval(Vtop___024root* root);

inline void evaluate(Vtop& top) {
  if (Vtop___024root___eval) {
    Vtop___024root___eval(top.rootp);
  } else {
    top.eval();
  }
}

// Lets the next evaluation see a rising edge, without an evaluation that sees a falling one.
template <class Root>
auto lower_clock(Vtop&, Root* root, int) -> decltype(root->__Vtrigprevexpr___TOP__clk__0, void()) {
  root->__Vtrigprevexpr___TOP__clk__0 = 0;
}

// The same where Verilator keeps the clock's last value under another name.
template <class Root>
void lower_clock(Vtop& top, Root*, long) {
  top.clk = 0;
  evaluate(top);
}

inline void clock_once(Vtop& top) {
  lower_clock(top, top.rootp, 0);
  top.clk = 1;
  evaluate(top);
}
