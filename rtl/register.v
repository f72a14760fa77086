// Flip-flops that take over their input at every rising edge of the clock.
module register #(
    parameter BITS = 32
) (
    input clk,
    input [BITS-1:0] d,
    output reg [BITS-1:0] q
);
    always @(posedge clk) q <= d;
endmodule
